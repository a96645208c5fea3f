// Package disk watches how much space is left where a node keeps its log and state.
//
// A log that finds its disk full in the middle of a write can only end the process. So a part of the disk is kept in
// reserve: below it a node takes no new writes, and what it owes the cluster (entries of other nodes' writes, a vote, a
// checkpoint) still finds room. This package owns the measuring and the verdict. What follows from the verdict is decided
// in package node, above it; it never removes or writes anything itself.
package disk
