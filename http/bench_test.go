package http

import (
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"testing"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/registry"
)

// nowhere is a ResponseWriter that keeps nothing but its header.
type nowhere struct{ header nethttp.Header }

func (w nowhere) Header() nethttp.Header      { return w.header }
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w nowhere) WriteHeader(int)             {}

func BenchmarkDiscover(b *testing.B) {
	for _, instances := range []int{10, 1_000} {
		for name, query := range map[string]string{"plain": "", "filtered": "?zone=a"} {
			b.Run(fmt.Sprintf("%s/%d", name, instances), func(b *testing.B) {
				h := newHarness(b)
				for n := range instances {
					i := registry.Instance{
						Service: "payments", ID: fmt.Sprintf("i%04d", n), Address: "10.0.0.7", Port: 80, Zone: "a",
						Tags: []string{"v2", "canary"}, Metadata: map[string]string{"version": "2.3.1"},
					}
					if _, err := h.node.decide(fsm.Write{Operations: []registry.Operation{registry.Register{Instance: i.Normalize()}}}); err != nil {
						b.Fatal(err)
					}
				}
				r := httptest.NewRequest("GET", "/v1/services/payments"+query, nil)
				b.ReportAllocs()
				for b.Loop() {
					h.api.ServeHTTP(nowhere{make(nethttp.Header, 16)}, r)
				}
			})
		}
	}
}
