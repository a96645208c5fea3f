// Package checks has the nodes of a cluster check instances together: each asks its share, others confirm what one alone has
// not heard, and the leader decides.
//
// It owns who asks whom ([Shares]), what a node makes of the answers that it gets ([Watchman]), and how much of it the leader
// believes ([Judge]): an instance that is restless is held down for a while, and silence takes out no more than a fifth of a
// service and zone in a minute. Findings are sent again as long as the state shows something else, so nobody has to remember
// one.
//
// It never asks an instance by itself: how to ask stands in package health/probe, when to ask in package health. The state
// changes by registry.JudgeCheck alone, which package fsm has decided in the term of the leader that proposes it.
package checks
