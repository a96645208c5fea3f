// Package boltfile lets a bbolt file be opened by those who must not believe everything that is in it.
//
// bbolt has no checksums but one on each of its two meta pages, and it believes what a page says about itself and about
// others: on a file that was damaged it may read past the end, loop for ever, or overwrite what is in use. This package
// owns what stands between a file and bbolt: the lock, a walk through the structure before bbolt sees the file, and the
// catching of the faults and panics that come all the same.
//
// It never looks at keys and values: what they mean, and whether they are what was once written, only their owner knows.
// Those are package store, which keeps the checkpoint, and package cluster, which keeps Raft's log.
package boltfile
