package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/lb"
)

// TestABodyThatDoesNotComeHoldsNobodyUp has a caller who begins a body and says no more, and a server that waits for it or
// hangs up. By itself, net/http waits for a reader over HTTP/1 even when the connection and the context have ended.
func TestABodyThatDoesNotComeHoldsNobodyUp(t *testing.T) {
	const soon, never = 300 * time.Millisecond, time.Hour
	for format, over := range wireFormats(t) {
		for end, c := range map[string]struct{ try, call time.Duration }{
			"the try has taken too long": {soon, never},
			"the call has":               {never, soon},
		} {
			for hangsUp, does := range map[bool]string{false: "waits", true: "hangs up"} {
				t.Run(format+", the server "+does+", "+end, func(t *testing.T) {
					w := newTown(t)
					s := w.start(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						_, _ = io.ReadFull(r.Body, make([]byte, len("ten")))
						if hangsUp && r.ContentLength != 0 {
							panic(http.ErrAbortHandler)
						}
						_, _ = io.Copy(io.Discard, r.Body)
					}), over)
					defer s.kill()
					tr := w.transport(over.base(), WithTryTimeout(c.try), WithBalancer(lb.WithBreaker(oneStrike)))
					simple := func() {
						r, err := postTo(t, &http.Client{Transport: tr}, over.scheme+"://payments/charge", http.NoBody)
						want(t, r, err, 200, "")
					}
					simple() // which leaves a connection, so that it is the body that takes the time
					ctx, cancel := context.WithTimeout(t.Context(), c.call)
					defer cancel()
					body, feed := io.Pipe()
					returned, fed := make(chan struct{}), make(chan error)
					go func() { // what nobody wants any more has nobody wait for it
						_, err := feed.Write([]byte("ten"))
						for <-returned; err == nil; {
							_, err = feed.Write([]byte("more"))
						}
						fed <- err
					}()
					r, _ := http.NewRequestWithContext(ctx, "POST", over.scheme+"://payments/charge", body)
					answer, err := tr.RoundTrip(r)
					close(returned)
					if err == nil {
						answer.Body.Close()
						t.Fatal(answer.Status)
					}
					if !hangsUp && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
					if n := inFlight(tr); n != 0 {
						t.Errorf("%d in flight", n)
					}
					if err := <-fed; !errors.Is(err, io.ErrClosedPipe) {
						t.Errorf("who feeds the body hears %v", err)
					}
					if !hangsUp {
						simple() // the instance is not to blame
					}
				})
			}
		}
	}
}

// TestAnAnswerIsTheEndOfTheBody has servers that know enough before they have it all.
func TestAnAnswerIsTheEndOfTheBody(t *testing.T) {
	for format, over := range wireFormats(t) {
		t.Run(format, func(t *testing.T) {
			w := newTown(t)
			s := w.start(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				_ = http.NewResponseController(rw).EnableFullDuplex() // else HTTP/1 reads on before it answers
				rw.Header().Set("Content-Length", "3")
				rw.WriteHeader(http.StatusRequestEntityTooLarge)
				fmt.Fprint(rw, "413")
				rw.(http.Flusher).Flush()
			}), over)
			defer s.kill()
			tr := w.transport(over.base())
			source, _ := io.Pipe()
			body := &endless{PipeReader: source}
			r, err := postTo(t, &http.Client{Transport: tr}, over.scheme+"://payments/charge", body)
			want(t, r, err, 413, "413")
			eventually(t, "the body is closed", body.closed.Load)
		})
	}
}

// endless is a body that has nothing yet, and can be closed once.
type endless struct {
	*io.PipeReader
	closed atomic.Bool
}

func (e *endless) Close() error {
	if e.closed.Swap(true) {
		return errors.New("it is closed already")
	}
	return e.PipeReader.Close()
}
