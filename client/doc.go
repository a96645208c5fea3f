// Package client is the SDK: it registers instances, discovers and watches services, and keeps answering when the registry
// doesn't.
//
// A [Client] talks to any node of a cluster and turns to another when one fails; writes go to the leader first. What it watches
// comes over one stream, is kept in memory and, if wanted, in a file, and is never given up because nobody answers: only an
// answer of the registry itself replaces what was known.
//
// It chooses no instance and calls none: that is for packages lb and client/mesh, for which a Client is a source. How a node
// is asked, and which, is internal/api's.
package client
