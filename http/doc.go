// Package http is what a node speaks to the outside: the JSON contract, its probes and its metrics.
//
// It owns how a request is read (strictly: what it does not understand it refuses, naming it) and how an answer is
// written; the limits and time-outs that keep one caller from harming the others; the promises of consistency that a read
// can ask for; and the streams of those who watch, each on the goroutine of its request. What a watcher is to be told is
// worked out by internal/watch. The package never decides what an instance may be or what a write does: package registry
// does. It never touches the log either: it hands operations to its [Node] and waits for the outcome.
//
// Every route stands in routes.go. A handler returns an error where it fails, and in one place, problem.go, that
// becomes a problem document: unknown paths, wrong methods and panics included. What net/http itself refuses before
// there is a request, such as a malformed request line or headers beyond the limit, is answered by net/http.
//
// Spelling is shared with the client through internal/wire; internal/node implements [Node] and starts the [Server].
package http
