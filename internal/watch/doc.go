// Package watch works out what to tell those who watch services: given where a watcher is and the newest state, which
// events bring it there.
//
// A watcher is a position and nothing else. There is no queue and no buffer for it: what it has missed is worked out from
// the history in the state ([registry.Service.Since]) when it is ready for more, so a slow one costs nothing and skips what
// was undone meanwhile, and going on at another node is the same as going on here. What many are to be told is written once:
// the bytes are kept with the version of the service that they tell of ([registry.Service.EncodedAs]).
//
// It never waits, reads a clock or writes to a connection; a [Cursor] belongs to the one goroutine that does, in package
// http. It stands on packages registry, which knows what changed, and internal/wire, which knows how that is spelled.
package watch
