package mesh

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// gauge counts the requests that come to the registry's nodes, by their metrics.
type gauge struct {
	nodes   []string
	last    map[string]int
	total   int
	highest int // in one second
	ended   context.CancelFunc
	done    chan struct{}
}

// asked finds the requests by their route; those by which this test itself looks at a node are not of interest.
var asked = regexp.MustCompile(`(?m)^muster_http_requests_total\{.*route="(\w+)".*\} (\S+)$`)

// startGauge counts from now on.
func startGauge(t *testing.T, c *testcluster.Processes) *gauge {
	ctx, end := context.WithCancel(t.Context())
	g := &gauge{last: map[string]int{}, ended: end, done: make(chan struct{})}
	for _, p := range c.Nodes {
		g.nodes = append(g.nodes, p.HTTP)
	}
	go func() {
		defer close(g.done)
		g.watch(ctx)
	}()
	t.Cleanup(g.stop)
	return g
}

const looksPerSecond = 5

// watch looks some times a second, and keeps the highest number of any second that begins with a look.
func (g *gauge) watch(ctx context.Context) {
	var recent [looksPerSecond]int
	for n := 0; ; n++ {
		recent[n%looksPerSecond] = g.look(ctx)
		sum := 0
		for _, one := range recent {
			sum += one
		}
		g.highest = max(g.highest, sum)
		select {
		case <-time.After(time.Second / looksPerSecond):
		case <-ctx.Done():
			return
		}
	}
}

// look counts what has come since the last look. A node that was started anew counts from nothing.
func (g *gauge) look(ctx context.Context) (since int) {
	for _, node := range g.nodes {
		now, err := count(ctx, node)
		if err != nil {
			continue // it is gone, or busy
		}
		before, known := g.last[node]
		if now < before {
			before = 0
		}
		if known {
			since += now - before
		}
		g.last[node] = now
	}
	g.total += since
	return since
}

func count(ctx context.Context, node string) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := testcluster.Get(ctx, node+"/metrics")
	if err != nil {
		return 0, err
	}
	lines := asked.FindAllSubmatch(answer.Body, -1)
	for _, line := range lines {
		if route := string(line[1]); route == "metrics" || route == "readyz" || route == "self" {
			continue
		}
		value, err := strconv.ParseFloat(string(line[2]), 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", line[0], err)
		}
		n += int(value)
	}
	return n, nil
}

// stop ends the counting. After it, the fields can be read.
func (g *gauge) stop() {
	g.ended()
	<-g.done
}
