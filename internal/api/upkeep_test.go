package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// responder is a transport that answers by itself.
type responder func(r *http.Request) *http.Response

func (answer responder) RoundTrip(r *http.Request) (*http.Response, error) { return answer(r), nil }

// Nodes that are too busy to answer heartbeats may still answer which nodes there are. Ten minutes of that must not cost them
// one such question a second from each client.
func TestTroubleThatLastsIsNoReasonToAskAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c, err := NewWith(Options{Addresses: []string{"n1"}, Transport: responder(func(*http.Request) *http.Response {
			asked++
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewBufferString("{}"))}
		})})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Maintain(ctx, c)
		}()
		for range 6_000 {
			c.upkeep.use()
			c.upkeep.trouble()
			time.Sleep(100 * time.Millisecond)
		}
		cancel()
		<-done
		if asked < 5 || asked > 40 {
			t.Errorf("asked %d times in ten minutes", asked)
		}
	})
}
