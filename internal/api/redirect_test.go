package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// A node never sends a client elsewhere, but what stands in front of it may: a proxy that wants a login, or TLS. Neither the
// token nor a document goes to whoever it names, and a write is not taken for done.
func TestNobodyIsSentElsewhereWithTheTokenOrTheBody(t *testing.T) {
	elsewhere := serve(t, answering)
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.url+r.URL.Path, status)
			})
			node := serve(t, answering)
			alone, err := NewWith(Options{Addresses: []string{proxy.url}, Token: "secret"})
			if err != nil {
				t.Fatal(err)
			}
			defer alone.Close()
			instance := registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080}
			errs := map[string]error{}
			_, errs["read"] = Do(t.Context(), alone, Services(Query{}))
			_, errs["write"] = Do(t.Context(), alone, Register(instance))
			_, errs["heartbeat"] = Do(t.Context(), alone, Heartbeats(memoryPatience, wire.Heartbeat{Service: "payments", ID: "p1"}))
			errs["confirmation"] = Acknowledge(t.Context(), alone, proxy.url, "w1", 7)
			for what, err := range errs {
				if err == nil || !strings.Contains(err.Error(), fmt.Sprint(status)) || !strings.Contains(err.Error(), "is it one?") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if !fault.IsUnknown(errs["write"]) {
				t.Errorf("nobody knows what a stranger made of the write: %v", errs["write"])
			}
			for _, err := range Follow(t.Context(), alone, Watching{Services: []string{"payments"}}, nil) {
				if err == nil {
					t.Error("a watch was begun")
				}
				break
			}
			both := client(t, proxy.url, node.url)
			if _, err := Do(t.Context(), both, Deregister("payments", "p1", 0)); err != nil || node.asked.Load() == 0 {
				t.Errorf("the next node is not asked: %v", err)
			}
		})
	}
	if n := elsewhere.asked.Load(); n > 0 {
		t.Errorf("%d calls went elsewhere", n)
	}
}
