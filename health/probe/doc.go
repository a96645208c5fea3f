// Package probe asks one instance once how it is: over HTTP, by a TCP connection, or by grpc.health.v1.
//
// It owns what an answer means ([Verdict]), what is told of it to people, and where a question may go at all ([Guard]): an
// address comes from whoever registers, and this process stands inside the network. So every connection is judged where it
// is dialled, by the address that the name has resolved to; nobody's proxy and no redirect takes a question elsewhere; and
// nothing of what an instance sends is ever shown but the code of its answer.
//
// It never decides that an instance is unhealthy, and knows nothing of states, intervals or other nodes. Package health has
// the schedule and counts answers in a row.
package probe
