package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// TestACallCanBeGivenUpAtAnyPoint, over whatever it goes. The instance is not to blame, and has room for others.
func TestACallCanBeGivenUpAtAnyPoint(t *testing.T) {
	wentHome := errors.New("the user went home")
	for format, over := range wireFormats(t) {
		for point, serve := range map[string]http.HandlerFunc{
			"while it is dialed":     nil, // nobody accepts
			"while the body is sent": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			"while nothing answers":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"while the answer is read": func(rw http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(rw, "ten")
				_ = http.NewResponseController(rw).Flush()
				<-r.Context().Done()
				panic(http.ErrAbortHandler) // else the answer may still come to a good end
			},
		} {
			t.Run(format+", "+point, func(t *testing.T) {
				w := newTown(t)
				there := make(chan struct{}, 1)
				s := w.start(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost {
						there <- struct{}{}
						serve(rw, r)
					}
				}), over)
				defer s.kill()
				base := newSettings([]Option{over.base()}).base
				if serve == nil {
					first := make(chan struct{}, 1)
					first <- struct{}{}
					base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
						select {
						case <-first:
							there <- struct{}{}
							<-ctx.Done()
						default:
						}
						return new(net.Dialer).DialContext(ctx, network, address)
					}
				}
				tr := w.transport(WithBase(base), WithTryTimeout(0), WithBalancer(lb.WithBreaker(oneStrike)))
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				body := io.Reader(http.NoBody)
				if point == "while the body is sent" {
					body, _ = io.Pipe()
				}
				req, _ := http.NewRequestWithContext(ctx, http.MethodPost, over.scheme+"://payments/charge", body)
				if point != "while the answer is read" {
					go func() { <-there; cancel(wentHome) }()
				}
				r, err := tr.RoundTrip(req)
				if err == nil {
					_, _ = io.ReadFull(r.Body, make([]byte, len("ten")))
					cancel(wentHome)
					_, err = r.Body.Read(make([]byte, 1))
					defer r.Body.Close()
				}
				ended := over.major == 2 && errors.Is(err, context.Canceled) // all that net/http tells of the reason for it
				if !errors.Is(err, wentHome) && !(ended && point == "while the answer is read") {
					t.Error(err)
				}
				if n := inFlight(tr); n != 0 {
					t.Errorf("%d in flight", n)
				}
				r, err = (&http.Client{Transport: tr}).Get(over.scheme + "://payments/")
				want(t, r, err, 200, "")
			})
		}
	}
}

// asking is a source that does not answer.
type asking chan struct{}

func (a asking) Discover(ctx context.Context, _ string) ([]registry.Instance, error) {
	close(a)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestACallCanBeGivenUpBeforeAnybodyKnowsWhoIsThere(t *testing.T) {
	source := make(asking)
	tr := NewTransport(source)
	defer tr.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-source; cancel() }()
	body := &closing{Reader: http.NoBody}
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://payments/charge", body)
	r, err := tr.RoundTrip(req)
	if err == nil {
		r.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !body.closed.Load() {
		t.Error("the body was not closed")
	}
}
