package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

func TestADrainThatEverybodyHasConfirmed(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.drained = func(*http.Request) *wire.Drained { return &wire.Drained{Confirmed: 3} }
		r := mustRegister(t, c, payments("p1"))
		if err := r.Drain(t.Context()); err != nil || f.has("p1") || r.Status().State != Deregistered {
			t.Errorf("%v", err)
		}
		if err := r.Close(t.Context()); err != nil || f.count("DELETE", time.Time{}) != 1 {
			t.Errorf("%v", err)
		}
	})
}

func TestADrainNamesWhoHasNotConfirmed(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.drained = func(r *http.Request) *wire.Drained {
			wait, _ := time.ParseDuration(r.URL.Query().Get(wire.ParamDrain))
			f.mu.Unlock()
			time.Sleep(wait)
			f.mu.Lock()
			return &wire.Drained{Confirmed: 3, Unconfirmed: []string{"w1", "node:n2"}}
		}
		r := mustRegister(t, c, payments("p1"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		err := r.Drain(ctx)
		d, ok := errors.AsType[*DrainError](err)
		if !ok || d.Confirmed != 3 || !slices.Equal(d.Unconfirmed, []string{"w1", "node:n2"}) || d.Index == 0 || f.has("p1") {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took < 18*time.Second || took > 20*time.Second {
			t.Errorf("given up after %s", took)
		}
	})
}

// The answer is lost with the node that had it. The next one must not answer that there is nothing to drain.
func TestADrainGoesOnWhereANodeDies(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeRegistry, c *Client) {
		asked := 0
		f.drained = func(*http.Request) *wire.Drained {
			if asked++; asked < 4 {
				return &wire.Drained{Unconfirmed: []string{"w1"}}
			}
			return &wire.Drained{Confirmed: 1}
		}
		died := 0
		f.after = func(r *http.Request, _ string) error {
			if died++; r.Method == http.MethodDelete && died < 6 {
				return errors.New("the connection broke off")
			}
			return nil
		}
		r := mustRegister(t, c, payments("p1"))
		if err := r.Drain(t.Context()); err != nil || asked < 4 {
			t.Errorf("%v after %d", err, asked)
		}
		keys := map[string]bool{}
		f.set(func() {
			for _, a := range f.asked {
				if a.path == "DELETE /v1/services/payments/instances/p1" {
					keys[a.key] = true
				}
			}
		})
		if len(keys) != 1 {
			t.Errorf("%d keys for one deregistration", len(keys))
		}
	})
}

func TestADrainOfWhatSomebodyElseHasDeregisteredIsNoSuccess(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.drained = func(*http.Request) *wire.Drained { return &wire.Drained{} }
		r := mustRegister(t, c, payments("p1"))
		f.forget("p1")
		err := r.Drain(t.Context())
		if d, ok := errors.AsType[*DrainError](err); !ok || !errors.Is(d, registry.ErrInstanceNotFound) {
			t.Errorf("%v", err)
		}
	})
}

func TestADrainWithoutARegistryMayBeMadeAgain(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.drained = func(*http.Request) *wire.Drained { return &wire.Drained{} }
		r := mustRegister(t, c, payments("p1"))
		f.down(true)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := r.Drain(ctx)
		if _, ok := errors.AsType[*DrainError](err); ok || err == nil {
			t.Errorf("%v", err)
		}
		f.down(false)
		time.Sleep(time.Minute)
		if n := f.count("PUT", time.Time{}); n != 1 {
			t.Errorf("%d registrations", n)
		}
		if err := r.Drain(t.Context()); err != nil || f.has("p1") {
			t.Errorf("%v", err)
		}
	})
}
