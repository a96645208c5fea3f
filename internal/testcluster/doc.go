// Package testcluster is N nodes in one process or as real processes, and the proxy between them.
//
// It owns what a test needs to stand before a cluster and hurt it: a [Proxy] takes the place of a node's address and
// does to TCP and UDP what a bad network does, one direction at a time. It never decides what a cluster should have
// done about it: that is for the test to say. It sits just below the tests and above everything that it starts; no
// package of the product imports it.
package testcluster
