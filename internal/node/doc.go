// Package node is one Muster node, put together in a straight line and taken apart in reverse.
//
// It owns the order of the parts and their lives, and answers what package http asks of a node. A node that should not lead,
// since its disk is full or its state is wrong, gives leadership away here. It holds no rule of the registry or of Raft. Below it are store, fsm, cluster and http; above it are the program, which knows flags and signals,
// and the tests, which start several nodes in one process.
package node
