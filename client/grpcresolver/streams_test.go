package grpcresolver

import "testing"

func TestStreamsAreKnownByTheirDescription(t *testing.T) {
	var s streams
	for range 2 { // as it is found, and as it is kept
		for method, want := range map[string]bool{
			"/grpc.health.v1.Health/Watch": true,
			"/grpc.health.v1.Health/Check": false,
			"/grpc.health.v1.Health":       false,
			"/nobody.Knows/This":           false,
			"":                             false,
		} {
			if s.has(method) != want {
				t.Errorf("%q: is a stream: %v", method, !want)
			}
		}
	}
	if known := *s.known.Load(); len(known) != 2 {
		t.Errorf("kept: %v", known)
	}
}
