// Package health finds out how instances are: by the heartbeats that they have promised, and by asking them.
//
// It owns
//   - the time of the leases: [Leases] knows on every node which leases the state holds, and on the leader when each was
//     renewed, and says which have run out. Its time is one in which pauses of the process do not count;
//   - the schedule of the checks: [Rounds] has each check of the instances that are this node's to ask asked at its interval,
//     at a steady rate, and hands each answer on;
//   - what answers in a row say of a check: [Streak];
//   - [Checker], rounds of a registry in memory, for the use within one process.
//
// It never writes the state of a cluster, and does not know whether this node leads or which nodes there are: it is told so,
// and says what ought to be proposed, or what was answered. What comes of it, it hears as an observer of the state. It never
// acknowledges a heartbeat either: that takes a majority.
//
// How to ask an instance once, and where a question may go, is package health/probe's. Package registry has the operations
// that expire, revive and reap a lease, and fences them by the lease's index; package fsm fences them by the term. The node
// puts them together.
package health
