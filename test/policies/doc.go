// Package policies compares the strategies of package lb with real processes: callers that know nothing of each other, and
// servers some of which are slow, or fail, for a while. It is short by default; make policies runs every strategy with
// twenty of each, and prints the tables that stand in docs/balancing.md.
package policies
