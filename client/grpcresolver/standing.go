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

// mayWait tells whether calls do well for a while without knowing of s: there were connections ready before, and one is
// there in addition at most. It counts on being asked about each change.
func (s *standing) mayWait(before *standing) bool {
	return before.ready > 0 && s.ready >= before.ready && s.ConnectivityState == connectivity.Ready
}
