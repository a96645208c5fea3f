// Package store keeps the state of a node on disk, so that a start does not begin with an empty one.
//
// It owns the checkpoint: one bbolt file that holds an [Image], which is a [registry.State] together with the index and the
// term of the log that it stands for. The log is the truth and the checkpoint lags behind it, so all that matters is that the
// file never holds half of an image, never holds one that differs from what was saved, and never passes for good when it is
// damaged. bbolt has no checksums of its own; here every record has one, and the whole of them have a count and a hash.
//
// It decides nothing: when to save, what to do without a usable checkpoint, and how the log goes on from it are the
// business of fsm and internal/node. It answers no read: those are served from memory. Below it are package registry,
// internal/record, which owns the bytes of an instance, and internal/boltfile, which looks at a file before bbolt does.
package store
