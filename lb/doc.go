// Package lb chooses one instance of a service for each call: by turns, by weight, by what is in flight, by how the
// instances have answered and by what they say of their own load.
//
// It owns
//   - the strategies, see [Strategies];
//   - what is known of each instance: calls in flight, latency, the share that succeeded, its circuit breaker;
//   - who may be chosen at all: the home zone first, a subset of a very large service, nobody who is ejected or was tried
//     already in this call, newcomers gently.
//
// A [Balancer] has a [Service] for each name that it is asked for. It watches the service from its first use until nobody
// has used it for some minutes. Who may be chosen is worked out when the set of instances or the state of one changes, and
// published behind one pointer; a choice loads the pointer and takes no lock, however many instances there are and
// whatever changes meanwhile. What is known of an instance stays through changes of the set, for as long as it is the same
// incarnation at the same address.
//
// # Promises
//
//   - [Service.Acquire], [Call.Done] and [Balancer.SelectInstance] allocate nothing, [Balancer.Pick] allocates once.
//   - An instance that the registry does not list as healthy is not chosen. Once a watch has been told so and has come
//     back for more, nobody chooses it any longer: the set is exchanged before that.
//   - Errors of the source change nothing, the last set stays; an empty set from the source empties it.
//   - An instance that fails loses its share of the calls, by default even if it fails faster than others answer, and is
//     tried again now and then.
//   - The end of a call counts once.
//
// It never makes calls, tries again, logs, or knows HTTP. It imports packages registry and breaker. Packages client/mesh
// and client/grpcresolver make calls with it; a client is its usual source.
package lb
