// Package audit compares the states of the nodes, and has a node whose state is wrong rebuild it.
//
// All nodes apply the same log, so at the same index they hold the same state and the same hash of it. Where one does not, a
// fault of its memory, its disk or the program has come in between, and nobody but the others can tell it. Every node asks the
// voters from time to time for their hash at an index that it has just applied. Where a majority of all voters agree on
// another hash than its own, its state is wrong: it stops answering reads, fetches the state of one of that majority, and
// goes on with it. Without such a majority nobody knows who is right, and all that is left is an alarm.
//
// This package owns the questions, the verdict and the fetching. It never touches the log, the term or the vote: a node that
// is wrong about the state is still right about what it promised, and without it an acknowledged write could be lost. Below
// it is package fsm, whose machine holds the state and replaces it; above it package node, which makes a leader in this
// position hand over.
package audit
