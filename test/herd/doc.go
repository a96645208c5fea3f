// Package herd holds the test of thousands of programs that lose the registry at one moment, each with a client of the SDK, a
// registration and connections of its own, and come back to nodes that have just started. It is short by default; make herd
// does it with ten thousand.
package herd
