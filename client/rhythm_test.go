package client

import (
	"testing"
	"time"
)

// A node may have no more than a part of the lease, since it may be frozen. Where none has answered, they may be busy.
func TestNodesHaveMoreTimeWhereNoneHasAnswered(t *testing.T) {
	for _, c := range []struct{ ttl, first, then time.Duration }{
		{time.Second, 500 * time.Millisecond, time.Second},
		{15 * time.Second, 2500 * time.Millisecond, 5 * time.Second},
		{time.Hour, 6 * time.Second, 6 * time.Second},
	} {
		y := newRhythm(nil, c.ttl)
		first := y.patience()
		y.failures = 3
		if then := y.patience(); first != c.first || then != c.then {
			t.Errorf("with a lease of %s: %s, then %s", c.ttl, first, then)
		}
	}
}
