package grpcresolver

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// TestConnectionsThatGetReadyTogetherSharePickers has all connections of a service be ready in no time.
func TestConnectionsThatGetReadyTogetherSharePickers(t *testing.T) {
	for _, c := range []struct{ instances, atOnce, pickers int }{{1, 1, 2}, {few, few, few + 1}, {1000, 500, 40}} {
		synctest.Test(t, func(t *testing.T) {
			cc := &plain{}
			b := policy{}.Build(cc, balancer.BuildOptions{})
			defer b.Close()
			if err := b.UpdateClientConnState(stateOf(c.instances, &config{Strategy: defaultStrategy})); err != nil {
				t.Fatal(err)
			}
			known := func() int {
				cc.mu.Lock()
				defer cc.mu.Unlock()
				own, _ := cc.picker.(*picker)
				if own == nil {
					return 0
				}
				return len(own.ready)
			}
			synctest.Wait()
			if n := known(); n < c.atOnce {
				t.Errorf("%d of %d connections are known at once", n, c.instances)
			}
			time.Sleep(gathering)
			synctest.Wait()
			if n := known(); n != c.instances {
				t.Errorf("%d of %d connections are known soon", n, c.instances)
			}
			t.Logf("%d connections, %d pickers", c.instances, cc.pickers)
			if cc.pickers > c.pickers {
				t.Errorf("%d connections took %d pickers", c.instances, cc.pickers)
			}
		})
	}
}

// TestALostConnectionIsKnownAtOnce has one of many break off.
func TestALostConnectionIsKnownAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc := &plain{}
		b := policy{}.Build(cc, balancer.BuildOptions{})
		defer b.Close()
		if err := b.UpdateClientConnState(stateOf(100, &config{Strategy: defaultStrategy})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(gathering)
		synctest.Wait()
		cc.last.listener(balancer.SubConnState{ConnectivityState: connectivity.Idle})
		cc.mu.Lock()
		defer cc.mu.Unlock()
		if own := cc.picker.(*picker); len(own.ready) != 99 {
			t.Errorf("%d connections are in the picker", len(own.ready))
		}
	})
}
