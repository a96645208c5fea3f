// Package grpcresolver lets gRPC clients call a service by its name, "muster:///payments", and chooses an instance for each
// call as package lb does.
//
// It owns
//   - the resolver for the scheme "muster", which tells gRPC of changes as they happen: nothing is polled or cached where the
//     source is an [lb.Watcher];
//   - the balancer "muster", which gRPC connects by its own means, one connection to each instance, and which hands the ready
//     ones to an [lb.Service] to choose from;
//   - what the status of a call says about the instance, and reading ORCA's load reports from trailers.
//
// # How the two kinds of readiness go together
//
// The registry says which instances are well, gRPC to which of them there is a connection. The balancer is itself the source
// of its [lb.Balancer]: it tells all instances that the registry lists as well, those without a connection as unhealthy. So
// lb chooses from those that can be called at once, and what it knows of an instance outlives a broken connection.
//
// # Promises
//
//   - When the resolver asks its source for the next snapshot, the picker of the last one is in use: a watch that confirms then
//     confirms that nobody picks the instances that are gone. What is in flight there goes on.
//   - A failing registry changes nothing, the last set stays. An empty set empties it.
//   - A pick takes no lock and, on average, allocates nothing of its own.
//
// It never makes calls, tries again, traces or imports package client: any [lb.Source] will do. Trying again is gRPC's, by its
// service config, and tracing is otelgrpc's.
package grpcresolver
