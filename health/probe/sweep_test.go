package probe

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/registry"
)

// waits is the check's connection, kept from now on, as its other end sees it.
func waits(t *testing.T, k *kept, id string, interval time.Duration) (open func() bool) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	k.put(&Target{Service: "web", ID: id, Check: registry.Check{Interval: registry.Duration(interval)}}, &connection{Conn: near, left: 2})
	return func() bool {
		_ = far.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := far.Read(make([]byte, 1))
		return !errors.Is(err, io.EOF)
	}
}

func TestAConnectionThatNobodyComesBackForIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{room: 2}
		for range 2 { // the second time, sweeping has to begin anew
			short, long := waits(t, k, "web-1", time.Second), waits(t, k, "web-2", 10*time.Second)
			time.Sleep(sweepEvery + time.Second)
			if short() || !long() {
				t.Errorf("after %s the connection of a check each second is open: %v; of one every ten: %v", sweepEvery+time.Second, short(), long())
			}
			time.Sleep(2 * sweepEvery)
			if long() {
				t.Error("one that is asked every ten seconds is open after half a minute")
			}
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if len(k.idle) > 0 || k.sweeps != nil {
			t.Errorf("%d connections are left, and sweeping goes on: %v", len(k.idle), k.sweeps != nil)
		}
	})
}

func TestNothingIsKeptOnceAProberIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{room: 2}
		early := waits(t, k, "web-1", time.Second)
		k.close()
		late := waits(t, k, "web-2", time.Second)
		if early() || late() {
			t.Errorf("open are one from before: %v, one from after: %v", early(), late())
		}
	})
}
