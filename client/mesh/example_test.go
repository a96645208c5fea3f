package mesh_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/musterhq/muster/client/mesh"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// A call by the name of a service. In a program of its own the source is a client.Client; here it is a registry in memory.
func Example() {
	server := httptest.NewServer(mesh.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s charged by %s", r.URL.Query().Get("amount"), r.Host)
	})))
	defer server.Close()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	reg := registry.New()
	if _, err := reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: at.Addr().String(), Port: int(at.Port())}); err != nil {
		log.Fatal(err)
	}

	transport := mesh.NewTransport(lb.Local(reg))
	defer transport.Close()
	c := &http.Client{Transport: transport}
	r, err := c.Get("http://payments/charge?amount=10")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	// Output: 10 charged by payments
}

// A POST is retried as a GET is if the caller says that the service does no harm when it gets it twice.
func ExampleRetryable() {
	transport := mesh.NewTransport(lb.Local(registry.New()), mesh.WithRetries(2))
	defer transport.Close()
	r, err := http.NewRequest(http.MethodPost, "http://payments/charge", http.NoBody)
	if err != nil {
		log.Fatal(err)
	}
	r = r.WithContext(mesh.Retryable(r.Context()))
	_, err = transport.RoundTrip(r)
	fmt.Println(err)
	// Output: mesh: service payments: service not found: "payments"
}
