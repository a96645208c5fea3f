// Package health finds out how instances are: so far, by the heartbeats that they have promised.
//
// It owns the time of the leases: [Leases] knows on every node which leases the state holds, and on the leader when each
// was renewed, and says which have run out. Its time is one in which pauses of the process do not count.
//
// It never writes the state, and does not know whether this node leads: it is told so, and says what ought to be proposed.
// What comes of it, it hears as an observer of the state. It never acknowledges a heartbeat either: that takes a majority.
//
// Package registry has the operations that expire, revive and reap a lease, and fences them by the lease's index; package
// fsm fences them by the term. The node puts the three together.
package health
