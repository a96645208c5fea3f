package integration

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// How long after the answer to a write on one follower is it visible on the other, with nothing else going on? The time
// runs from the answer's arrival until the other follower has answered a read that waits for the write's index, so it
// includes that call.
func BenchmarkVisibleOnAnotherFollower(b *testing.B) {
	c := testcluster.StartProcesses(b, 3)
	followers := c.Others(c.Leader())
	keepAlive := &http.Client{}
	call := func(method, url, body string) http.Header {
		request, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		response, err := keepAlive.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode >= 300 {
			b.Fatalf("%s %s: %d %s %v", method, url, response.StatusCode, text, err)
		}
		return response.Header
	}
	var visible, written []time.Duration
	for n := 0; b.Loop(); n++ {
		time.Sleep(20 * time.Millisecond) // idle
		begun := time.Now()
		header := call("PUT", instanceURL(followers[n%2].HTTP, "payments", "p1"), fmt.Sprintf(`{"address": "10.0.0.7", "port": %d}`, 1+n%60000))
		answered := time.Now()
		call("GET", followers[1-n%2].HTTP+"/v1/services/payments?min_index="+header.Get("Muster-Index"), "")
		visible = append(visible, time.Since(answered))
		written = append(written, answered.Sub(begun))
	}
	slices.Sort(visible)
	slices.Sort(written)
	at := func(all []time.Duration, share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(visible, 0.5), "p50-visible-ms")
	b.ReportMetric(at(visible, 0.99), "p99-visible-ms")
	b.ReportMetric(at(written, 0.5), "p50-write-ms")
	b.ReportMetric(at(written, 0.99), "p99-write-ms")
	b.ReportMetric(0, "ns/op") // the pause would be most of it
}
