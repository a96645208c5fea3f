// Package child runs the binary of a test once more, as another process in a role of the same test: a service that can be
// killed, a caller whose memory is its own.
//
// It owns how such a process begins, how test and child talk (values in JSON, over its standard input and output) and how
// it ends. What a role does is the test's. No package of the product imports it.
package child
