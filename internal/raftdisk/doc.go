// Package raftdisk is what Raft keeps on disk: its log, its term and vote, and its snapshots.
//
// It owns whether that can be believed. hashicorp/raft trusts its stores, and the stores trust the disk: a bit that has
// flipped would be another entry, a vote that was never given, or a node that waits for ever. Here every entry, the term
// and the vote, and every snapshot has a checksum, and names the node it belongs to; a start is refused, in one line that
// says what to do, where something is missing that this node may have promised to others; and the first write that fails
// is the last one, as nobody knows what the disk holds after it.
//
// It decides nothing about the cluster, and does not look into entries and snapshots. Below it is package boltfile; above
// it is package cluster, which runs Raft.
package raftdisk
