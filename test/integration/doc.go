// Package integration holds the tests that stand before a cluster of real nodes, with real sockets and disks, and speak to
// it as its users do: over HTTP and by the command line. Most of them start the program itself, and kill it.
package integration
