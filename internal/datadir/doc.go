// Package datadir is the directory in which a node keeps what must survive it.
//
// It owns the directory itself: that it is there, that one process at a time uses it, that nobody else can look into it,
// and the quarantine, where files are put that can't be used any more but are no one's to delete. What the files are and
// when one of them is bad is known to those who keep them: package store has the checkpoint, package cluster the identity,
// Raft's log and its snapshots.
package datadir
