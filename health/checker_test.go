package health_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/registry"
)

// checking runs a checker of a registry at 20 ms until the test ends.
func checking(t *testing.T, reg *registry.Registry) *health.Checker {
	t.Helper()
	checker := health.New(reg, 20*time.Millisecond, 20*time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- checker.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return checker
}

// listening is an instance of web where a server listens.
func listening(server *httptest.Server, edits ...func(*registry.Instance)) registry.Instance {
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	i := registry.Instance{Service: "web", ID: "web-1", Address: at.Addr().String(), Port: int(at.Port())}
	for _, edit := range edits {
		edit(&i)
	}
	return i
}

// wait watches web until it is as wanted.
func wait(t *testing.T, reg *registry.Registry, what string, wanted func(registry.Instance) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var last registry.Snapshot
	for last = range reg.Watch(ctx, "web") {
		if len(last.Instances) == 1 && wanted(last.Instances[0]) {
			return
		}
	}
	t.Fatalf("not %s: %+v", what, last)
}

func TestAnInstanceWithoutChecksIsAskedForItsHealth(t *testing.T) {
	reg := registry.New()
	code := atomic.Int32{}
	code.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(int(code.Load()))
	}))
	defer server.Close()
	checker := checking(t, reg)
	if _, err := reg.Register(listening(server)); err != nil {
		t.Fatal(err)
	}
	is := func(status registry.Status, output string) func(registry.Instance) bool {
		return func(i registry.Instance) bool { return i.Reported == registry.Report{Status: status, Output: output} }
	}
	wait(t, reg, "healthy", is(registry.Healthy, "200 OK"))
	code.Store(http.StatusInternalServerError)
	wait(t, reg, "unhealthy", is(registry.Unhealthy, "500 Internal Server Error"))
	code.Store(http.StatusTooManyRequests)
	wait(t, reg, "healthy again", is(registry.Healthy, "429 Too Many Requests"))
	server.Close()
	wait(t, reg, "gone", is(registry.Unhealthy, "connection refused"))

	if err := checker.Start(t.Context()); err == nil {
		t.Error("it is started twice")
	}
}

func TestAnInstanceWithChecksIsAskedThose(t *testing.T) {
	reg := registry.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	checking(t, reg)
	_, err := reg.Register(listening(server, func(i *registry.Instance) {
		i.Checks = []registry.Check{{Type: registry.CheckHTTP, Path: "/ready"}, {Type: registry.CheckTCP}, {Type: registry.CheckTCP, Name: "other", Port: 1}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, reg, "judged", func(i registry.Instance) bool {
		return i.Checks[0].Status == registry.Warning && i.Checks[0].Output == "429 Too Many Requests" &&
			i.Checks[1].Status == registry.Healthy && i.Checks[1].Output == "connected" &&
			i.Checks[2].Status == registry.Unhealthy && i.Checks[2].Output == "connection refused" &&
			i.Status == registry.Unhealthy && i.Reported == registry.Report{}
	})
}

// That an address is not allowed says nothing of the instance, and is shown.
func TestWhatMayNotBeAskedStaysUnknown(t *testing.T) {
	reg := registry.New()
	i := registry.Instance{Service: "web", ID: "web-1", Address: "169.254.169.254", Port: 80}
	if _, err := reg.Register(i); err != nil {
		t.Fatal(err)
	}
	i.ID, i.Checks = "web-2", []registry.Check{{Type: registry.CheckHTTP}}
	if _, err := reg.Register(i); err != nil {
		t.Fatal(err)
	}
	checking(t, reg)
	judged := func() *registry.Instance {
		i, err := reg.State().Instance("web", "web-2")
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	eventually.Succeeds(t, 10*time.Second, func() error {
		if judged().Checks[0].Output == "" {
			return errors.New("nothing is shown")
		}
		return nil
	})
	if i := judged(); i.Status != registry.Unknown {
		t.Errorf("%+v", i)
	}
	if first, _ := reg.State().Instance("web", "web-1"); first.Status != registry.Healthy {
		t.Errorf("%+v", first)
	}
}

func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	reg := registry.New()
	_, err := reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: at.Addr().String(), Port: int(at.Port())})
	if err != nil {
		fmt.Println(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- health.New(reg, 20*time.Millisecond, 20*time.Millisecond).Start(ctx) }()
	for snapshot := range reg.Watch(ctx, "payments") {
		switch p1 := snapshot.Instances[0]; p1.Reported.Status {
		case registry.Healthy:
			fmt.Println(p1.ID, "is healthy:", p1.Reported.Output)
			server.Close()
		case registry.Unhealthy:
			fmt.Println(p1.ID, "is unhealthy:", p1.Reported.Output)
			stop()
		}
	}
	fmt.Println(<-ended)
	// Output:
	// p1 is healthy: 200 OK
	// p1 is unhealthy: connection refused
	// <nil>
}
