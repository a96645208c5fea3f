// Package crc32c is the one checksum that everything on a disk or in the log carries, so that bytes which changed are told
// from bytes that were written.
//
// It owns the sum alone: what is summed, where the sum stands, and what to do where it does not fit is up to who keeps the
// bytes. It imports nothing of Muster.
package crc32c
