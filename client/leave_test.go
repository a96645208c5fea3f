package client

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestAForegroundRegistrationThatIsGivenUpLeavesNothing(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.set(func() {
			f.after = func(r *http.Request, _ string) error {
				if r.Method == http.MethodPut {
					return hang(r.Context())
				}
				return nil
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Register(ctx, payments("p1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		f.set(func() { f.after = nil })
		time.Sleep(farewellTime)
		if f.has("p1") {
			t.Error("it stays")
		}
	})
}

// The copy of a registration that is still on its way when Close comes must not be applied after the deregistration.
func TestWhatIsUnderWayDoesNotComeBackAfterClose(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.set(func() {
			f.meddle = func(r *http.Request, body string) error {
				if r.Method != http.MethodPut {
					return nil
				}
				f.set(func() { f.meddle = nil })
				late := r.Clone(context.Background())
				go func() {
					time.Sleep(30 * time.Second)
					f.answer(late, []byte(body))
				}()
				return hang(r.Context())
			}
		})
		r := mustRegister(t, c, payments("p1"), InBackground())
		time.Sleep(time.Second)
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if f.has("p1") {
			t.Error("it came back")
		}
	})
}

// The same where the registration was given up, could not be taken back since the registry was away, and is made again.
func TestWhatIsUnderWayOfAnEarlierRegistrationDoesNotComeBackEither(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.set(func() {
			f.meddle = func(r *http.Request, body string) error {
				if r.Method == http.MethodPut {
					f.set(func() { f.meddle, f.away = nil, true })
					late := r.Clone(context.Background())
					time.AfterFunc(time.Hour, func() { f.answer(late, []byte(body)) })
				}
				return hang(r.Context())
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Register(ctx, payments("p1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * farewellTime)
		f.down(false)
		if err := mustRegister(t, c, payments("p1")).Close(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		if f.has("p1") {
			t.Error("it came back")
		}
	})
}

// Heartbeats end with the client, so that nobody may be told that the instance is registered and stays it.
func TestARegistrationThatIsAnsweredAfterTheClientWasClosedIsNone(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.set(func() {
			f.after = func(*http.Request, string) error { return c.Close() }
		})
		if _, err := c.Register(t.Context(), payments("p1")); !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

func TestToDeregisterWhatAnOperatorHasDeregisteredIsASuccess(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		f.forget("p1")
		if err := r.Close(t.Context()); err != nil || r.Status().State != Deregistered {
			t.Errorf("%v, %+v", err, r.Status())
		}
	})
}

func TestClosingTheClientDeregistersNothing(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		if err := c.Close(); err != nil || !f.has("p1") || r.Status().State != Abandoned {
			t.Errorf("%v %+v", err, r.Status())
		}
		time.Sleep(time.Nanosecond)
		began := time.Now()
		time.Sleep(time.Minute)
		if f.count("", began) > 0 {
			t.Error("it goes on")
		}
		if _, err := c.Register(t.Context(), payments("p2")); !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
		if err := r.Close(t.Context()); err != nil || f.has("p1") {
			t.Errorf("%v", err)
		}
	})
}
