// Package onlooker is the acknowledging watchers of tests: each reads the stream of a real node and confirms what it has read.
//
// It speaks HTTP only and knows nothing of a node but its address, as any client in any language. It never retries and never
// moves on to another node: what a test wants to happen, it says.
package onlooker
