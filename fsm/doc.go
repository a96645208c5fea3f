// Package fsm is both ends of the log. At one end it encodes what callers ask for and brings it to the leader, where
// writes that arrive together become one entry. At the other it applies entries to the registry's state on every node, in
// the same order and with the same result.
//
// It owns the encoding of an entry, the gathering of writes into entries, the state machine with its snapshots, and the
// rhythm of the checkpoint. Applying an entry uses no clock, no randomness and no order of a map: what is not decided by
// the state was decided by who proposed it. Below it are package registry, which knows what an operation does, package
// record, which knows its bytes, package cluster, which commits them, and package store, which keeps the checkpoint;
// above it is the node that puts them together.
package fsm
