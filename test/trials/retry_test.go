package trials

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Writers create instances that must not be there yet, each with a key, and lose the answers: a proxy in front of each node
// throws most of them away, and now and then the leader is killed while many are on their way. Whoever has no answer asks
// the next node with the same key. A create that was applied a second time would be refused, so all must end with 201, at
// the index at which the instance was created and never changed since.
func TestARetriedWriteIsAppliedOnce(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	random := dice.New(t)
	var lost atomic.Int64
	nodes := make([]string, len(c.Nodes))
	for n, p := range c.Nodes {
		nodes[n] = forgetful(t, p.HTTP, random.Uint64(), &lost)
	}
	want := trials(t, 40) // creates that had to be sent again
	kills := want / 20

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var created, retried atomic.Int64
	for w := range 8 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				tries, err := createOnce(t.Context(), nodes, fmt.Sprintf("w%d-%d", w, n), w+n)
				if err != nil {
					t.Error(err)
					return
				}
				created.Add(1)
				if tries > 1 {
					retried.Add(1)
				}
			}
		})
	}
	t.Cleanup(writers.Wait)
	t.Cleanup(stop)
	for range kills {
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond) // any moment
		leader := c.Leader()
		leader.Kill()
		leader.Start()
		c.AwaitReady()
	}
	await(t, func() error {
		if n := retried.Load(); n < int64(want) {
			return fmt.Errorf("%d creates had to be sent again", n)
		}
		return nil
	})
	stop()
	writers.Wait()
	testcluster.RequireSameState(t, c)
	requireUntouched(t, c.Nodes[0].HTTP, int(created.Load()))
	t.Logf("%d creates, %d of them sent again, %d answers thrown away, %d leaders killed: each applied once",
		created.Load(), retried.Load(), lost.Load(), kills)
}

// createOnce creates an instance, and asks again for as long as there is no answer.
func createOnce(ctx context.Context, nodes []string, id string, first int) (tries int, err error) {
	key := rand.Text()
	body := []byte(`{"address": "10.0.0.7", "port": 8080}`)
	for n := first; ctx.Err() == nil; n++ {
		tries++
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, nodes[n%len(nodes)]+wire.PathInstance("retried", id), bytes.NewReader(body))
		if err != nil {
			return tries, err
		}
		request.Header.Set("Content-Type", wire.TypeJSON)
		request.Header.Set("If-None-Match", "*")
		request.Header.Set(wire.HeaderIdempotencyKey, key)
		answer, err := testcluster.Send(request)
		switch {
		case err != nil, answer.Status >= 500:
			time.Sleep(5 * time.Millisecond)
			continue
		case answer.Status != http.StatusCreated:
			return tries, fmt.Errorf("try %d to create %s: %d %s", tries, id, answer.Status, answer.Body)
		}
		var i registry.Instance
		if err := answer.Decode(&i); err != nil {
			return tries, err
		}
		if index := answer.Index(); index != strconv.FormatUint(i.CreateIndex, 10) || i.ModifyIndex != i.CreateIndex {
			return tries, fmt.Errorf("%s was created at %d and changed at %d; the answer names %s", id, i.CreateIndex, i.ModifyIndex, index)
		}
		return tries, nil
	}
	return tries, ctx.Err()
}

// requireUntouched requires that all instances are as they were created.
func requireUntouched(t *testing.T, node string, want int) {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), node+"/v1/services/retried?consistency=linearizable")
	if err != nil {
		t.Fatal(err)
	}
	var found struct{ Instances []registry.Instance }
	if err := answer.Decode(&found); err != nil {
		t.Fatal(err)
	}
	if len(found.Instances) != want {
		t.Errorf("%d instances are there, %d were created", len(found.Instances), want)
	}
	for _, i := range found.Instances {
		if i.ModifyIndex != i.CreateIndex {
			t.Errorf("%s was created at %d and changed at %d", i.ID, i.CreateIndex, i.ModifyIndex)
		}
	}
}

// forgetful is a proxy in front of a node that brings every request to it and throws two of three answers away, without a
// word: it closes the connection.
func forgetful(t *testing.T, node string, seed uint64, lost *atomic.Int64) string {
	t.Helper()
	to, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	var answers atomic.Uint64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(*http.Response) error {
			if (answers.Add(1)+seed)%3 != 0 {
				lost.Add(1)
				panic(http.ErrAbortHandler)
			}
			return nil
		},
		// To a node that is not there nothing was brought, but whoever asked can't know that.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}
