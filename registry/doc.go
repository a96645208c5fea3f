// Package registry is the heart of Muster: what a service instance is, which changes it can go through, and the state
// that results, in memory.
//
// It owns
//   - the words: [Instance], [Check], [Lease], [Status], with their defaults ([Instance.Normalize]) and their rules
//     ([Instance.Validate]);
//   - the changes: an [Operation] is a value that works out what becomes of one instance, from the state it meets and
//     the index it is applied at and nothing else, so that every node which applies the same log gets the same state;
//   - the state: a [State] is an immutable tree that costs nothing to share. An [Edit] makes the next one out of it and
//     copies only the branches that change;
//   - the recent past, as a part of the State: what has become of the instances of a service since an index
//     ([Service.Since]), and which services have changed ([State.ChangedSince]). It is bounded, and says where it ends;
//   - the way to the readers: a [Publisher] holds the newest State, lets waiters wait for an index and wakes those who
//     watch a service. Watching goes by state and not by event: whoever is woken looks at the newest State, so a slow
//     watcher costs nothing, loses nothing that still matters and holds up nobody;
//   - [Registry], all of this put together for the use within one process.
//
// It never does I/O, looks at a clock, draws a random number or starts a goroutine.
//
// It stands on the lowest floor and imports no other package of Muster. On a node, package fsm feeds it from the
// replicated log, package store keeps its checkpoint, and package http answers from it; the SDK shares its words.
package registry
