// Package api is a small typed client of the HTTP contract, for the command line.
//
// A [Call] is one call of the contract, not yet addressed to a node; [Do] sends it to the first of a [Client]'s nodes
// that answers, and [Curl] spells it out instead. The package owns which node is asked and when the next one may be:
// a read may always go on, a write only where it is certain that it was not applied. [Follow] is a watch, which goes on
// from node to node for as long as one likes.
//
// But for that it never waits or repeats a call on the same node; it never caches, and it decides nothing about instances.
// Paths, bodies and errors are those of internal/wire, so that errors.Is tells a caller what it would tell the node.
package api
