package http

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// watcher reads one watch.
type watcher struct {
	t      *testing.T
	answer *nethttp.Response
	text   *bufio.Reader
	model  map[string][]string // ids by service, as applying the events in order gives them
	id     uint64              // the last that was given
}

// told is one event.
type told struct {
	kind wire.EventKind
	id   uint64
	data string
}

// watch begins a watch, which must begin well.
func (s *served) watch(query string, headers ...string) *watcher {
	s.t.Helper()
	r, err := nethttp.NewRequest("GET", "http://node.example/v1/watch?"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if answer.StatusCode != 200 {
		body, _ := io.ReadAll(answer.Body)
		s.t.Fatalf("the watch %s begins with %d: %s", query, answer.StatusCode, body)
	}
	return &watcher{s.t, answer, bufio.NewReader(answer.Body), map[string][]string{}, 0}
}

// leave goes away, and returns when the server has noticed.
func (w *watcher) leave() {
	_ = w.answer.Body.Close()
	synctest.Wait()
}

// next is the next event, applied to the model. After the end it is a zero one.
func (w *watcher) next() told {
	w.t.Helper()
	e, err := w.read()
	if errors.Is(err, io.EOF) {
		return told{}
	}
	if err != nil {
		w.t.Fatalf("the watch broke off: %v", err)
	}
	w.apply(e)
	return e
}

// want fails the test unless the next events are those, written as "kind id data"; data that is left out is not looked at.
func (w *watcher) want(events ...string) {
	w.t.Helper()
	for _, want := range events {
		e := w.next()
		if got := fmt.Sprintf("%s %d %s", e.kind, e.id, e.data); got != want && !strings.HasPrefix(got, want+" ") {
			w.t.Fatalf("told %q, want %q", got, want)
		}
	}
}

// read reads one event of either form.
func (w *watcher) read() (e told, err error) {
	if w.answer.Header.Get("Content-Type") == wire.TypeNDJSON {
		line, err := w.text.ReadBytes('\n')
		if err != nil {
			return told{}, err
		}
		var read wire.Event
		err = json.Unmarshal(line, &read)
		e = told{kind: read.Event, data: string(read.Data)}
		if read.ID != nil {
			e.id = *read.ID
		}
		return e, err
	}
	for {
		line, err := w.text.ReadString('\n')
		if err != nil {
			return told{}, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.kind = wire.EventKind(value)
		case "id":
			if e.id, err = strconv.ParseUint(value, 10, 64); err != nil {
				return told{}, err
			}
		case "data":
			e.data = value
		case "":
			return e, nil
		default:
			return told{}, fmt.Errorf("no field of an event: %q", line)
		}
	}
}

// apply does what a client does.
func (w *watcher) apply(e told) {
	w.t.Helper()
	if e.id < w.id && e.id > 0 {
		w.t.Errorf("the position goes back from %d to %d", w.id, e.id)
	}
	w.id = max(w.id, e.id)
	var body struct {
		Service   string
		Instances []registry.Instance
		Upserted  []registry.Instance
		Removed   []string
	}
	if err := json.Unmarshal([]byte(e.data), &body); err != nil {
		w.t.Fatalf("%v in %q", err, e.data)
	}
	ids := w.model[body.Service]
	switch e.kind {
	case wire.EventReset:
		clear(w.model)
		return
	case wire.EventBookmark, wire.EventHello:
		return
	case wire.EventSnapshot:
		ids = nil
	}
	for _, i := range append(body.Instances, body.Upserted...) {
		if !slices.Contains(ids, i.ID) {
			ids = append(ids, i.ID)
		}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(body.Removed, id) })
	slices.Sort(ids)
	w.model[body.Service] = ids
}

// register writes beside HTTP.
func (s *served) register(service string, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		i := registry.Instance{Service: service, ID: id, Address: "10.0.0.7", Port: 80}
		if _, err := s.node.decide(fsm.Write{Operations: []registry.Operation{registry.Register{Instance: i.Normalize()}}}); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *served) deregister(service string, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		if _, err := s.node.decide(fsm.Write{Operations: []registry.Operation{registry.Deregister{Service: service, ID: id}}}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// replaced puts a state in the place of the node's, at an index and with no history before it.
func (s *served) replaced(index uint64, instances ...registry.Instance) {
	edit := registry.NewState().Edit()
	var services []string
	for _, i := range instances {
		edit.Put(&i)
		services = append(services, i.Service)
	}
	edit.StartAt(index)
	s.node.published.Publish(edit.Commit(), services)
}

// inBubble runs a test of a server in virtual time.
func inBubble(t *testing.T, test func(t *testing.T, s *served)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		test(t, s)
	})
}

// tookNoTime fails the test where virtual time has passed.
func tookNoTime(t *testing.T, began time.Time, what string) {
	t.Helper()
	if took := time.Since(began); took != 0 {
		t.Errorf("%s took %s", what, took)
	}
}
