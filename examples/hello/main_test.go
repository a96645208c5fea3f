package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/musterhq/muster/registry"
)

// fakeNode passes on the instances that are registered with it, after it was without a leader once, and then the paths of
// what is deregistered.
func fakeNode(t *testing.T) (url string, registered chan registry.Instance, deregistered chan string) {
	t.Helper()
	registered, deregistered = make(chan registry.Instance, 1), make(chan string, 1)
	var calls atomic.Int32
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			http.Error(w, `{"code": "no_leader"}`, http.StatusServiceUnavailable)
			return
		}
		if r.Method == http.MethodDelete {
			deregistered <- r.URL.Path
			return
		}
		var i registry.Instance
		if err := json.NewDecoder(r.Body).Decode(&i); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		registered <- i
	}))
	t.Cleanup(node.Close)
	return node.URL, registered, deregistered
}

func TestHelloIsThereAsLongAsItIsRegistered(t *testing.T) {
	node, registered, deregistered := fakeNode(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, "hello", "127.0.0.1:0", []string{"http://127.0.0.1:1", node + "/"}) }()

	i := <-registered
	for path, want := range map[string]string{"/": "Hello from " + i.ID + "\n", "/health": "well\n"} {
		if got := fetch(t, fmt.Sprintf("http://%s:%d%s", i.Address, i.Port, path)); got != want {
			t.Errorf("%s says %q, want %q", path, got, want)
		}
	}
	stop()
	if path, want := <-deregistered, "/v1/services/hello/instances/"+i.ID; path != want {
		t.Errorf("%s was deregistered, want %s", path, want)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestHelloGivesUpWhereItIsRefused(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such name", http.StatusBadRequest)
	}))
	defer node.Close()
	if err := run(t.Context(), ".hello", "127.0.0.1:0", []string{node.URL}); err == nil {
		t.Error("it runs without being registered")
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
