// Package heartbeats brings the heartbeats of clients to the leader, and has the log decide what becomes of leases for which
// none come.
//
// It owns the way of a heartbeat: on every node a [Collector] gathers those that come within a few milliseconds and passes
// them on to whoever leads, in one message; on the leader a [Keeper] notes them, has a majority confirm that it still leads,
// and answers. It owns the leader's duty to propose what is due, to learn from the leader before it how old the leases are,
// and to notice which nodes that pass heartbeats on have fallen silent.
//
// Nothing of a heartbeat enters the log, unless it is for a lease that had run out. Time and the rules of leases are not kept
// here but in package health, those of the log in package fsm.
package heartbeats
