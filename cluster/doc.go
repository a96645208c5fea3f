// Package cluster makes a process a member of a Muster cluster: it finds the other nodes by gossip, agrees with them
// through Raft on one log of opaque entries, knows who leads, and confirms how far a read must have come to be fresh.
//
// It owns the peer port, which Raft and the calls between nodes share, the gossip port, and the node's identity file. It
// never looks into an entry: what a service is, it does not know. Below it are hashicorp/raft and memberlist, and package
// raftdisk, which has the log, the vote and the snapshots on disk; above it, package fsm fills the log and applies it.
//
// A [Member] is made by [New], which opens and listens, given its handlers for the calls of other nodes by
// [Member.Handle], and set going by [Member.Start].
package cluster
