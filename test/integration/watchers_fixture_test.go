package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// audience is many who watch, each on a connection of its own, and some who don't read what they asked for.
type audience struct {
	t        testing.TB
	watchers []*listener
	stuck    []net.Conn
	reading  sync.WaitGroup
}

// listener is one who watches and reads. It keeps how far it was told and when.
type listener struct {
	conn net.Conn

	mu       sync.Mutex
	position uint64
	at       time.Time
	ids      map[string]bool // of the instances, as the events say; nil where nobody wants to know
	err      error
}

// assemble connects n watchers of a service, turn by turn to each of the nodes, and returns when all have begun. With model
// they keep what they are told.
func assemble(t testing.TB, nodes *testcluster.Nodes, n int, service string, model bool) *audience {
	t.Helper()
	a := &audience{t: t, watchers: make([]*listener, n)}
	t.Cleanup(a.dismiss)
	var connecting sync.WaitGroup
	for begin := range 16 {
		connecting.Go(func() {
			for i := begin; i < n; i += 16 {
				a.watchers[i] = a.connect(nodes.Nodes[i%len(nodes.Nodes)].HTTPAddr(), service, model)
			}
		})
	}
	connecting.Wait()
	return a
}

func (a *audience) connect(node, service string, model bool) *listener {
	l := &listener{}
	if model {
		l.ids = map[string]bool{}
	}
	l.conn, l.err = dialWatch(node, "service="+service)
	if l.err == nil {
		a.reading.Go(l.listen)
	}
	return l
}

func dialWatch(node, query string) (net.Conn, error) {
	conn, err := net.Dial("tcp", node)
	if err == nil {
		_, err = fmt.Fprintf(conn, "GET /v1/watch?%s HTTP/1.1\r\nHost: %s\r\nAccept: application/x-ndjson\r\n\r\n", query, node)
	}
	return conn, err
}

// addStuck connects n more, which read nothing, and watch so much that the nodes can't write all of it.
func (a *audience) addStuck(nodes *testcluster.Nodes, n int, query string) {
	a.t.Helper()
	for i := range n {
		conn, err := dialWatch(nodes.Nodes[i%len(nodes.Nodes)].HTTPAddr(), query)
		if err != nil {
			a.t.Fatal(err)
		}
		a.stuck = append(a.stuck, conn)
	}
}

func (a *audience) dismiss() {
	for _, l := range a.watchers {
		if l != nil && l.conn != nil {
			_ = l.conn.Close()
		}
	}
	for _, conn := range a.stuck {
		_ = conn.Close()
	}
	a.reading.Wait()
}

// listen reads events until the connection ends.
func (l *listener) listen() {
	text := bufio.NewReader(l.conn)
	answer, err := http.ReadResponse(text, nil)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	if err != nil {
		l.end(err)
		return
	}
	defer answer.Body.Close()
	for lines := bufio.NewReader(answer.Body); ; {
		line, err := lines.ReadBytes('\n')
		if err == nil {
			err = l.hear(line)
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

func (l *listener) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// hear takes one event. Without a model only the id is looked at, so that many of them don't take the nodes' time.
func (l *listener) hear(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids != nil {
		var e wire.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		l.apply(e)
	}
	id := positionIn(line)
	if id > 0 && id < l.position {
		return fmt.Errorf("the position went back from %d to %d", l.position, id)
	}
	if id > l.position {
		l.position, l.at = id, time.Now()
	}
	return nil
}

// positionIn is the id of an event, 0 where it has none.
func positionIn(line []byte) (id uint64) {
	_, digits, _ := bytes.Cut(line[:min(len(line), 64)], []byte(`"id":`))
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		id = 10*id + uint64(c-'0')
	}
	return id
}

func (l *listener) apply(e wire.Event) {
	var snapshot wire.Discovered
	var delta wire.Delta
	switch e.Event {
	case wire.EventSnapshot:
		_ = json.Unmarshal(e.Data, &snapshot)
		clear(l.ids)
	case wire.EventDelta:
		_ = json.Unmarshal(e.Data, &delta)
	}
	for _, i := range append(snapshot.Instances, delta.Upserted...) {
		l.ids[i.ID] = true
	}
	for _, id := range delta.Removed {
		delete(l.ids, id)
	}
}

// told waits until all have been told of an index, and returns when each was.
func (a *audience) told(index uint64) []time.Time {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	times := make([]time.Time, len(a.watchers))
	err := testcluster.Poll(ctx, func(context.Context) error {
		for i, l := range a.watchers {
			l.mu.Lock()
			position, at, err := l.position, l.at, l.err
			l.mu.Unlock()
			switch {
			case err != nil && !errors.Is(err, io.EOF):
				a.t.Fatalf("watcher %d: %v", i, err)
			case position < index:
				return fmt.Errorf("watcher %d is at %d, not yet at %d", i, position, index)
			}
			times[i] = at
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return times
}

// requireStuck checks that those who don't read have made the nodes wait: the first snapshot of none of them was written,
// and each of the others was written one.
func (a *audience) requireStuck(nodes *testcluster.Nodes) {
	a.t.Helper()
	written := 0
	for i := range nodes.Nodes {
		answer, err := testcluster.Get(a.t.Context(), nodes.URL(i)+"/metrics")
		if err != nil {
			a.t.Fatal(err)
		}
		_, count, _ := strings.Cut(string(answer.Body), `muster_watch_events_total{event="snapshot"} `)
		count, _, _ = strings.Cut(count, "\n")
		n, err := strconv.Atoi(count)
		if err != nil {
			a.t.Fatal(err)
		}
		written += n
	}
	if written != len(a.watchers) {
		a.t.Errorf("%d snapshots were written to %d watchers who read", written, len(a.watchers))
	}
}

// bulk is a service of five megabytes: more than a connection takes that nobody reads from. It is written in small steps,
// each as often as it needs, since a disk that many share may be too slow for a leader.
func bulk(t testing.TB, node string) {
	t.Helper()
	var metadata []string
	for k := range 60 {
		metadata = append(metadata, fmt.Sprintf("%q: %q", fmt.Sprint("k", k), strings.Repeat("x", 1000)))
	}
	document := `{"address": "10.0.0.7", "port": 80, "metadata": {` + strings.Join(metadata, ",") + "}}"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := range 85 {
		err := testcluster.Poll(ctx, func(ctx context.Context) error {
			answer, err := testcluster.Do(ctx, "PUT", instanceURL(node, "bulk", fmt.Sprint("b", n)), document)
			if err == nil && answer.Status >= 300 {
				err = fmt.Errorf("%d %s", answer.Status, answer.Body)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
