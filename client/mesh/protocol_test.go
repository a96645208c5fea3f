package mesh

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// reading is a body that cannot be brought again, and knows whether it was read.
type reading struct {
	io.Reader
	read atomic.Bool
}

func (r *reading) Read(p []byte) (int, error) {
	r.read.Store(true)
	return r.Reader.Read(p)
}

// TestABodyThatIsAskedForIsSentOnlyToWhoWantsIt has two instances, of which one refuses before it has seen the body.
func TestABodyThatIsAskedForIsSentOnlyToWhoWantsIt(t *testing.T) {
	for format, over := range wireFormats(t) {
		for refusal, again := range map[int]bool{http.StatusServiceUnavailable: true, http.StatusRequestEntityTooLarge: false} {
			t.Run(fmt.Sprint(format, ", ", refusal), func(t *testing.T) {
				w := newTown(t)
				refuses := w.start(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(refusal) }), over)
				defer refuses.kill()
				base := newSettings([]Option{over.base()}).base
				base.ExpectContinueTimeout = time.Minute
				tr := w.transport(WithBase(base), neverOpen())
				put := func() (answer *http.Response, read bool, err error) {
					body := &reading{Reader: strings.NewReader("ten")}
					r, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, over.scheme+"://payments/charge", body)
					r.Header.Set("Expect", "100-continue")
					answer, err = tr.RoundTrip(r)
					return answer, body.read.Load(), err
				}
				r, read, err := put()
				want(t, r, err, refusal, "")
				if read {
					t.Error("the body was sent to who did not want it")
				}
				wants := w.start(new(hits).answer(200), over)
				defer wants.kill()
				for range 2 { // whose turn it is
					r, _, err := put()
					if err == nil && r.StatusCode == refusal && !again {
						r.Body.Close()
						continue
					}
					want(t, r, err, 200, "200 ten")
				}
				eventually(t, "nothing is in flight", func() bool { return inFlight(tr) == 0 })
			})
		}
	}
}

// TestTrailersGoBothWays: those of the request are known when its body has been read.
func TestTrailersGoBothWays(t *testing.T) {
	for format, over := range wireFormats(t) {
		t.Run(format, func(t *testing.T) {
			w := newTown(t)
			s := w.start(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Trailer", "Sum")
				body, _ := io.ReadAll(r.Body)
				_, _ = rw.Write(body)
				rw.Header().Set("Sum", r.Trailer.Get("Sum")+" again")
			}), over)
			defer s.kill()
			tr := w.transport(over.base())
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, over.scheme+"://payments/charge", nil)
			r.Trailer = http.Header{"Sum": nil}
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("ten"), atEnd(func() { r.Trailer.Set("Sum", "10") })))
			r.ContentLength = -1
			answer, err := tr.RoundTrip(r)
			want(t, answer, err, 200, "ten")
			if got := answer.Trailer.Get("Sum"); got != "10 again" {
				t.Errorf("the trailer is %q", got)
			}
		})
	}
}

// atEnd is a reader that has nothing, and does something when it is asked.
type atEnd func()

func (f atEnd) Read([]byte) (int, error) { f(); return 0, io.EOF }

// TestHeadersBeyondTheLimitAreAnInstancesFailure has an instance that sends them, and one that does not.
func TestHeadersBeyondTheLimitAreAnInstancesFailure(t *testing.T) {
	for format, over := range wireFormats(t) {
		t.Run(format, func(t *testing.T) {
			w := newTown(t)
			var asked atomic.Int64
			verbose := w.start(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				for n := range 64 {
					rw.Header().Set(fmt.Sprint("Verbose-", n), strings.Repeat("a", 1<<10))
				}
			}), over)
			defer verbose.kill()
			base := newSettings([]Option{over.base()}).base
			base.MaxResponseHeaderBytes = 8 << 10
			tr := w.transport(WithBase(base), neverOpen())
			c := &http.Client{Transport: tr}
			if r, err := postTo(t, c, over.scheme+"://payments/charge", strings.NewReader("ten")); err == nil {
				r.Body.Close()
				t.Error("there is an answer")
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("the POST was sent %d times", n)
			}
			terse := w.start(new(hits).answer(200), over)
			defer terse.kill()
			for range 4 {
				r, err := c.Get(over.scheme + "://payments/")
				want(t, r, err, 200, "200 ")
			}
			if asked.Load() == 1 {
				t.Error("the verbose one was not asked again")
			}
			if n := inFlight(tr); n != 0 {
				t.Errorf("%d in flight", n)
			}
		})
	}
}

// TestWhatIsAnnouncedReachesTheCallersHooks, and the answer is the one that follows.
func TestWhatIsAnnouncedReachesTheCallersHooks(t *testing.T) {
	for format, over := range wireFormats(t) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(format+", "+method, func(t *testing.T) {
				w := newTown(t)
				s := w.start(Handler(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("Link", "</style.css>; rel=preload")
					rw.WriteHeader(http.StatusEarlyHints)
					rw.WriteHeader(http.StatusProcessing)
					fmt.Fprint(rw, "ten")
				})), over)
				defer s.kill()
				tr := w.transport(over.base())
				var announced []int
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
						announced = append(announced, code)
						if header.Get("Link") == "" || header.Get(loadHeader) != "" {
							t.Errorf("%d with %v", code, header)
						}
						return nil
					},
				})
				r, _ := http.NewRequestWithContext(ctx, method, over.scheme+"://payments/charge", nil)
				answer, err := tr.RoundTrip(r)
				want(t, answer, err, 200, "ten")
				if !slices.Equal(announced, []int{103, 102}) {
					t.Errorf("announced: %v", announced)
				}
				if answer.Header.Get(loadHeader) == "" {
					t.Error("the load is not told")
				}
				if n := inFlight(tr); n != 0 {
					t.Errorf("%d in flight", n)
				}
			})
		}
	}
}
