// Package fault names the ways in which a cluster can fail to answer, for all layers alike: one sentinel each, so that
// [errors.Is] works from the log up to the wire and, across it, in a client.
//
// It owns names only. What a service or an instance can get wrong is in package registry; which code and status a
// fault has on the wire is in internal/wire.
package fault
