package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

const (
	// watchIdle is how long a watch may say nothing before its node is given up: a node says something every 15 s at least, and
	// gets 5 s more, so that what is known of a service behind a frozen node is no older than that. Something is a whole event,
	// or eventPart of one that takes longer.
	watchIdle = 20 * time.Second
	eventPart = 64 << 10 // bytes

	// maxEvent bounds, in bytes, one event: a service with all its instances.
	maxEvent = 64 << 20
)

// Watching says what to watch.
type Watching struct {
	Services []string
	All      bool  // every service instead
	Query    Query // which instances; its status is any where it is empty, and it can't be linearizable

	Ack      string // the name under which it is confirmed what was applied; empty does without
	MinIndex uint64 // the least index that the first events show, where the position says in which cluster
}

// Position is how far a watch has got, and in which cluster. The zero Position is the beginning.
type Position struct {
	Known   bool
	Index   uint64
	Cluster string
}

// request asks for what comes after the position.
func (w Watching) request(from Position) request {
	query := w.Query.values()
	for _, service := range w.Services {
		query.Add(wire.ParamService, service)
	}
	if w.All {
		query.Set(wire.ParamAll, "true")
	}
	if from.Known {
		query.Set(wire.ParamIndex, strconv.FormatUint(from.Index, 10))
	}
	if w.Ack != "" {
		query.Set(wire.ParamAck, w.Ack)
	}
	if w.MinIndex > 0 && from.Cluster != "" {
		query.Set(wire.ParamMinIndex, strconv.FormatUint(w.MinIndex, 10))
		query.Set(wire.ParamWait, sessionWait.String())
	}
	if from.Cluster != "" {
		query.Set(wire.ParamCluster, from.Cluster)
	}
	return request{method: http.MethodGet, path: wire.PathWatch, query: query, accept: wire.TypeNDJSON, patience: memoryPatience}
}

// watch takes the events that one node sends after the position, and moves that along. It returns when the node sends no more,
// and why.
func (c *Client) watch(ctx context.Context, node *url.URL, w Watching, at *Position, take func(wire.Event) error) error {
	call := w.request(*at)
	ctx, idle := newIdle(ctx, call.patience)
	defer idle.stop()
	addressed, err := call.to(ctx, node)
	if err != nil {
		return err
	}
	return c.send(node, call, addressed, func(response *http.Response) error {
		idle.allow(watchIdle)
		if cluster := response.Header.Get(wire.HeaderCluster); at.Cluster == "" {
			at.Cluster = cluster
		}
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, maxEvent)
		lines.Split(wholeLines(func() { idle.allow(watchIdle) }))
		for lines.Scan() {
			var e wire.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Event == "" {
				return fmt.Errorf("%s sent what is no event, is it a muster node? %.80q", node, lines.Bytes())
			}
			idle.suspend() // It is not the node that takes this time.
			if err := take(e); err != nil {
				return err
			}
			if e.ID != nil {
				at.Index, at.Known = *e.ID, true
			}
			idle.allow(watchIdle)
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("%s sends no more: %w", node, reason(ctx, err))
		}
		return fmt.Errorf("%s has ended the watch", node)
	})
}

// wholeLines splits at the ends of lines. What stands after the last one was cut off and is not to be read. Of a long line it
// tells grown whenever a good part has come: single bytes are no sign that its end will.
func wholeLines(grown func()) bufio.SplitFunc {
	searched, told := 0, 0
	return func(data []byte, atEOF bool) (advance int, line []byte, err error) {
		if end := bytes.IndexByte(data[searched:], '\n'); end >= 0 {
			end += searched
			searched, told = 0, 0
			return end + 1, data[:end], nil
		}
		if atEOF && len(data) > 0 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		if searched = len(data); searched-told >= eventPart {
			told = searched
			grown()
		}
		return 0, nil, nil
	}
}

// lasting tells whether a watch that failed so on one node will fail so on all.
func lasting(call request, err error) bool {
	return !elsewhere(call, err) || errors.Is(err, bufio.ErrTooLong)
}
