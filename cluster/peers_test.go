package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// talk is a pair of nodes without sockets, of which the one calls the other.
type talk struct {
	caller, callee *peers
	port           *port
}

func newTalk(t *testing.T, callerCluster, calleeCluster string, handlers map[string]Handler) *talk {
	t.Helper()
	p, _ := openTestPort(t, calleeCluster)
	talk := &talk{
		caller: newPeers(p.connections, "caller", func() string { return callerCluster }, p.log),
		callee: newPeers(p.connections, p.raftID, p.clusterID, p.log),
		port:   p,
	}
	for name, h := range handlers {
		talk.callee.handle(name, h)
	}
	go talk.callee.serve(p.rpc) //nolint:errcheck // it ends with the talk
	return talk
}

func (k *talk) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(k.caller.close(t.Context()), k.callee.close(t.Context())); err != nil {
		t.Error(err)
	}
	k.port.close()
}

func (k *talk) call(t *testing.T, name string, request []byte) ([]byte, error) {
	t.Helper()
	return k.caller.call(t.Context(), "here:1", name, request)
}

func TestACallComesBackWithItsAnswerOrItsError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t, "A", "A", map[string]Handler{
			"double": func(_ context.Context, b []byte) ([]byte, error) { return append(b, b...), nil },
			"lead":   func(context.Context, []byte) ([]byte, error) { return nil, fmt.Errorf("wrapped: %w", ErrNotLeader) },
			"fail":   func(context.Context, []byte) ([]byte, error) { return nil, errors.New("the disk is full") },
			"large":  func(context.Context, []byte) ([]byte, error) { return make([]byte, maxPeerMessage), nil },
			"larger": func(context.Context, []byte) ([]byte, error) { return make([]byte, maxPeerMessage+1), nil },
		})
		defer k.end(t)
		if answer, err := k.call(t, "double", []byte("ab")); err != nil || string(answer) != "abab" {
			t.Errorf("%q, %v", answer, err)
		}
		if answer, err := k.call(t, "double", nil); err != nil || len(answer) != 0 {
			t.Errorf("an empty request: %q, %v", answer, err)
		}
		if answer, err := k.call(t, "large", nil); err != nil || len(answer) != maxPeerMessage {
			t.Errorf("a large answer: %d bytes, %v", len(answer), err)
		}
		if _, err := k.call(t, "lead", nil); !errors.Is(err, ErrNotLeader) {
			t.Errorf("a node that does not lead: %v", err)
		}
		for name, says := range map[string]string{
			"fail": "the disk is full", "larger": "more than the", "no such": "no such call between nodes",
		} {
			_, err := k.call(t, name, nil)
			if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, ErrNotLeader) || errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestARequestThatIsTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		k := newTalk(t, "A", "A", map[string]Handler{"count": func(context.Context, []byte) ([]byte, error) {
			calls++
			return nil, nil
		}})
		defer k.end(t)
		if _, err := k.call(t, "count", make([]byte, maxPeerMessage)); err != nil {
			t.Errorf("the largest request: %v", err)
		}
		if _, err := k.call(t, "count", make([]byte, maxPeerMessage+1)); err == nil || calls != 1 {
			t.Errorf("a request beyond it: %v, %d calls", err, calls)
		}
	})
}

func TestOnlyOneClustersNodesCallEachOther(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, caller, callee string
		refused              bool
	}{
		{"the same", "A", "A", false},
		{"another", "A", "B", true},
		{"a newcomer asks a member", "", "B", false},
		{"a member asks a newcomer", "A", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newTalk(t, c.caller, c.callee, map[string]Handler{"nop": func(context.Context, []byte) ([]byte, error) { return nil, nil }})
				defer k.end(t)
				if _, err := k.call(t, "nop", nil); (err != nil) != c.refused {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestACallReachesTheNodeThatIsMeantOrNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		k := newTalk(t, "A", "A", map[string]Handler{"count": func(context.Context, []byte) ([]byte, error) {
			calls++
			return nil, nil
		}})
		defer k.end(t)
		for raftID, reached := range map[string]bool{"v": true, "": true, "one that lived here before": false} {
			before := calls
			_, err := k.caller.call(t.Context(), Server{RaftID: raftID, Peer: "here:1"}.String(), "count", nil)
			if (err == nil) != reached || (calls > before) != reached {
				t.Errorf("a call meant for %q: %v", raftID, err)
			}
			if !reached && !errors.Is(err, ErrNotLeader) {
				t.Errorf("it does not say that nothing was done: %v", err)
			}
		}
	})
}

func TestACallToNobodyNeverLeft(t *testing.T) {
	t.Parallel()
	for name, network := range map[string]Network{
		"refused": newPipes(), "no answer": lostPackets{}, "no certificate": failing{errors.New("no certificate")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPeers(network, "caller", func() string { return "A" }, new(notebook).log())
				began := time.Now()
				if _, err := p.call(t.Context(), "here:1", "nop", nil); !errors.Is(err, ErrUnreachable) {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took > dialTimeout {
					t.Errorf("that took %v", took)
				}
			})
		})
	}
}

type failing struct{ err error }

func (f failing) Listen(context.Context, string) (net.Listener, error) { return nil, f.err }
func (f failing) Dial(context.Context, string) (net.Conn, error)       { return nil, f.err }

func TestACallThatWasCutOffMayHaveBeenHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var k *talk
		k = newTalk(t, "A", "A", map[string]Handler{"cut": func(context.Context, []byte) ([]byte, error) {
			k.port.close()
			return nil, nil
		}})
		_, err := k.call(t, "cut", nil)
		if err == nil || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotLeader) {
			t.Errorf("%v", err)
		}
		k.end(t)
	})
}

func TestOneCallDoesNotWaitForAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		k := newTalk(t, "A", "A", map[string]Handler{
			"wait": func(context.Context, []byte) ([]byte, error) { <-free; return nil, nil },
			"free": func(context.Context, []byte) ([]byte, error) { close(free); return nil, nil },
		})
		defer k.end(t)
		waited := make(chan error, 1)
		go func() {
			_, err := k.call(t, "wait", nil)
			waited <- err
		}()
		synctest.Wait()
		if _, err := k.call(t, "free", bytes.Repeat([]byte("x"), 1<<20)); err != nil {
			t.Error(err)
		}
		if err := <-waited; err != nil {
			t.Error(err)
		}
	})
}

func TestAStopAnswersWhatIsUnderWayAndNothingAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, working := make(chan struct{}), 0
		k := newTalk(t, "A", "A", map[string]Handler{
			"slow": func(context.Context, []byte) ([]byte, error) {
				close(began)
				time.Sleep(goodbyeTimeout / 2)
				return []byte("done"), nil
			},
			"stuck": func(ctx context.Context, _ []byte) ([]byte, error) {
				working++
				defer func() { working-- }()
				<-ctx.Done()
				time.Sleep(time.Second) // it still has something to put away
				return nil, ctx.Err()
			},
		})
		type result struct {
			answer []byte
			err    error
		}
		slow, stuck := make(chan result, 1), make(chan result, 1)
		go func() { a, err := k.call(t, "slow", nil); slow <- result{a, err} }()
		go func() { a, err := k.call(t, "stuck", nil); stuck <- result{a, err} }()
		<-began
		synctest.Wait()

		stopping := make(chan error, 1)
		go func() { stopping <- k.callee.close(context.Background()) }() // nobody bounds the politeness but the node itself
		synctest.Wait()
		if _, err := k.call(t, "slow", nil); !errors.Is(err, ErrNotLeader) {
			t.Errorf("a call to a node that stops: %v", err)
		}
		if r := <-slow; r.err != nil || string(r.answer) != "done" {
			t.Errorf("what was under way: %q, %v", r.answer, r.err)
		}
		if r := <-stuck; r.err == nil {
			t.Error("what never ends was answered")
		}
		if err := <-stopping; err != nil {
			t.Error(err)
		}
		if working != 0 {
			t.Error("a handler is at work after the stop")
		}
		if answer, err := k.call(t, "slow", nil); err == nil {
			t.Errorf("a call after the stop: %q", answer)
		}
		k.end(t)
	})
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan struct{})
		k := newTalk(t, "A", "A", map[string]Handler{"wait": func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			close(seen)
			return nil, ctx.Err()
		}})
		defer k.end(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := k.caller.call(ctx, "here:1", "wait", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		<-seen // the other side learns that nobody waits any more
	})
}
