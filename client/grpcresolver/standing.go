package grpcresolver

import (
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"
)

// gathering is how long a connection that got ready may wait for others to share a picker with. Each new picker takes the
// time that a look at all instances takes, so that one for each of a thousand would keep a processor busy for long.
const gathering = 10 * time.Millisecond

// few is how many ready connections are looked at in no time, so that nobody waits for others.
const few = 16

// standing is what the connections said last.
type standing struct {
	balancer.State

	children []endpointsharding.ChildState
	ready    int // of them
}

func newStanding(s balancer.State) standing {
	standing := standing{State: s, children: endpointsharding.ChildStatesFromPicker(s.Picker)}
	for i := range standing.children {
		if standing.children[i].State.ConnectivityState == connectivity.Ready {
			standing.ready++
		}
	}
	return standing
}

// mayWait tells whether calls do well for a while without knowing of s: none of the connections before is lost, and gRPC has
// a picker of more than half as many as there are. It counts on being asked about each change.
func (s *standing) mayWait(before *standing, published int) bool {
	return s.ConnectivityState == connectivity.Ready && s.ready >= before.ready && s.ready > few && s.ready < 2*published
}
