// Package record writes an instance as canonical bytes, and checks bytes that come back from a disk or a network.
//
// It owns the one encoding of a [registry.Instance] that the checkpoint, the snapshot stream and the log share: the same
// instance always gives the same bytes, whatever the order of its maps, so that bytes can be compared and hashed in its
// place. On that stand [Digest], which names a client's document, and [Hash], which names a whole set of instances. It also
// owns the framing that tells damage from content: [AppendFramed] for one record, [Writer] and [Reader] for a stream. And as
// operations and their results are mostly instances, their bytes are here too.
//
// It never opens a file, decides nothing, and holds no state. Below it is package registry; above it are store, which
// keeps records in a file, and fsm, which carries them through the log and in snapshots.
package record
