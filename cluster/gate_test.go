package cluster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAShutGateLetsThoseInsideGetThroughAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if !g.enter() {
			t.Fatal("an open gate let nobody in")
		}
		go func() {
			time.Sleep(time.Second)
			if g.enter() {
				t.Error("a shut gate let somebody in")
			}
			g.leave()
		}()
		began := time.Now()
		g.close(t.Context())
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("it waited %s for the one inside", waited)
		}
		g.open()
		if !g.enter() {
			t.Error("it did not open again")
		}
	})
}

func TestAGateDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.enter()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.close(ctx)
		g.open()
		g.leave() // late, and no harm
		g.close(t.Context())
	})
}
