package api

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

func TestHeartbeatsGoOnToTheNextNodeWhateverHappensToThem(t *testing.T) {
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // before that, a server does not notice that its caller has gone
		<-r.Context().Done()
	})
	broken := serve(t, hangingUp)
	leaderless := serve(t, failing(wire.CodeNoLeader, wire.NotApplied))
	good := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != wire.PathHeartbeats || r.Header.Get(wire.HeaderIdempotencyKey) != "" {
			t.Errorf("asked for %s with the key %q", r.URL.Path, r.Header.Get(wire.HeaderIdempotencyKey))
		}
		_, _ = io.WriteString(w, `{"renewed": 1}`)
	})
	client, err := New(silent.url, broken.url, leaderless.url, good.url)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	began := time.Now()
	if _, err := Do(t.Context(), client, Heartbeats(200*time.Millisecond, wire.Heartbeat{Service: "payments", ID: "p1"})); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s, and the silent node had 200 ms", took)
	}
	if good.asked.Load() != 1 {
		t.Errorf("the last node was asked %d times", good.asked.Load())
	}
}
