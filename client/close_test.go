package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/registry"
)

// No goroutine stays: TestMain looks, and so does the end of virtual time.
func TestCloseWhileEveryNodeHangsReturnsAtOnceAndTwiceIsAsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, newWorld("C1"))
		n.answers(func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not look whether the caller is still there
			<-r.Context().Done()
			return true
		})
		c := newClient(t, nil, n)
		watched := make(chan error)
		go func() {
			var last error
			for _, err := range c.Watch(t.Context(), "payments") {
				last = err
			}
			watched <- last
		}()
		if _, err := c.Register(t.Context(), registry.Instance{Service: "payments", Address: "10.0.0.7", Port: 80}, InBackground()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		began := time.Now()
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-watched; !errors.Is(err, ErrClosed) {
			t.Errorf("the watch ends with %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("closed after %s", took)
		}
		_, discovered := c.Discover(t.Context(), "payments")
		_, asked := c.DiscoverWith(t.Context(), "payments")
		_, registered := c.Register(t.Context(), registry.Instance{Service: "payments", Address: "10.0.0.7", Port: 80})
		var watching error
		for _, err := range c.Watch(t.Context(), "payments") {
			watching = err
		}
		for what, err := range map[string]error{"Discover": discovered, "DiscoverWith": asked, "Register": registered, "Watch": watching} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
	})
}

// A node that is stopped with SIGSTOP keeps its connections and says nothing.
func TestAFrozenNodeIsLeftWithinTwentySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		first, second := startNode(t, w), startNode(t, w)
		c := newClient(t, func(c *Config) { c.InOrder = true }, first, second)
		ctx := limited(t)
		var froze time.Time
		for s, err := range c.Watch(t.Context(), "payments") {
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Instances) == 2 {
				break
			}
			first.hold(true) // it sends no more, and takes no part
			w.put("payments", "p2", registry.Healthy)
			froze = time.Now()
		}
		if took := time.Since(froze); took > 21*time.Second || ctx.Err() == nil && took < time.Second {
			t.Errorf("p2 was seen after %s", took)
		}
	})
}

func TestMoreServicesThanOneStreamCanNameAreRefusedToWatchersAndStillDiscovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		c := newClient(t, nil, startNode(t, w))
		c.table.mu.Lock()
		for n := range maxServices {
			name := "s" + time.Duration(n).String()
			c.table.entries[name] = &entry{service: name, joined: true, used: time.Now(), consumers: map[*consumer]struct{}{}}
		}
		c.table.mu.Unlock()
		for _, err := range c.Watch(limited(t), "payments") {
			if !errors.Is(err, ErrTooMany) {
				t.Errorf("%v", err)
			}
		}
		if found, err := c.Discover(limited(t), "payments"); err != nil || len(found) != 1 {
			t.Errorf("%v, %v", found, err)
		}
		c.table.mu.Lock()
		c.table.entries["s1ns"].joined, c.table.entries["s1ns"].used = false, time.Time{}
		c.table.mu.Unlock()
		if _, watched := c.table.use("payments"); !watched {
			t.Error("what nobody uses does not make room")
		}
	})
}

// A registration may be closed after its client. The connection that this takes stays no longer than that.
func TestNoConnectionOutlivesAClosedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		network := networkOf(n)
		dial := network.DialContext
		var open atomic.Int32
		network.DialContext = func(ctx context.Context, kind, address string) (net.Conn, error) {
			conn, err := dial(ctx, kind, address)
			if err == nil {
				open.Add(1)
				conn = &countedConn{Conn: conn, closed: sync.OnceFunc(func() { open.Add(-1) })}
			}
			return conn, err
		}
		c := newClient(t, func(c *Config) { c.Transport = network }, n)
		_ = c.Close()
		if _, err := api.Do(t.Context(), c.calls, api.Discover("payments", api.Query{})); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if still := open.Load(); still != 0 {
			t.Errorf("%d connections are open", still)
			network.CloseIdleConnections()
		}
	})
}

// countedConn tells when it is closed.
type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// Else every drain would wait for it until it is forgotten.
func TestCloseTellsTheNodeThatTheWatchIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, newWorld("C1"))
		c := newClient(t, nil, n)
		go func() {
			for range c.Watch(t.Context(), "payments") {
			}
		}()
		time.Sleep(time.Second)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.ended) != 1 {
			t.Errorf("watches %v were ended", n.ended)
		}
	})
}
