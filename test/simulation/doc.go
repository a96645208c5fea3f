// Package simulation has nights of a cluster's life pass in seconds: its nodes live in one process, in a bubble of
// testing/synctest whose time goes on only when everybody waits.
//
// It owns twins of what can't be in a bubble. A network in memory carries Raft, the calls between nodes, and gossip, and can
// delay, lose and cut. A disk in memory takes its time to sync, and forgets what was not synced where the power fails.
// Everything else of a node is the real thing: membership, Raft, the state machine, writers, leases and watches.
//
// What it does not have: HTTP, real files and real sockets, clocks that differ between nodes, and processes that are frozen.
// These are the matter of test/chaos, test/trials and test/integration.
package simulation
