// Package roster knows who watches by way of this node and wants to be waited for: the acknowledging watches.
//
// It owns who they are, how far each was sent and has confirmed, and, for a while, those that broke off; and it answers how
// all of them stand to one deregistration. It never sends anything and knows only its own node: package http writes the
// streams and takes the confirmations, and internal/node puts together what the rosters of all nodes say. Below it are
// package registry and internal/fault.
package roster
