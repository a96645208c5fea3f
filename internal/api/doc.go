// Package api is a small typed client of the HTTP contract, for the SDK and the command line.
//
// A [Call] is one call of the contract, not yet addressed to a node; [Do] sends it to the first of a [Client]'s nodes
// that answers, [Retry] goes round them until the time is up, and [Curl] spells it out instead. The package owns which node is
// asked and when the next one may be: the leader first for writes, those that failed last; a read may always go on, a write
// only where it is applied once or certain not to have been applied. It owns the session, too: what was seen, and that no node
// shows less. A [Follower] is a watch, which goes on from node to node; [Follow] decides by itself when.
//
// It starts no goroutine: [Maintain] keeps the known nodes up to date in that of its caller. It never caches, and it decides
// nothing about instances. Paths, bodies and errors are those of internal/wire, so that errors.Is tells a caller what it would
// tell the node.
package api
