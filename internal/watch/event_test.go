package watch_test

import (
	"testing"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/registry"
)

// last is the last event that advancing gives.
func last(t *testing.T, c *watch.Cursor, s *registry.State) (e watch.Event) {
	t.Helper()
	for e = range c.Advance(s, 0) {
	}
	if e.Data == nil {
		t.Fatal("nothing was told")
	}
	return e
}

func TestEventsAreSpelledAsTheContractSays(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "<1&>"))
	const one = `{"service":"a","id":"<1&>","address":"10.0.0.7","port":80,"weight":100,"status":"healthy",` +
		`"maintenance":{"enabled":false},"create_index":1,"modify_index":1,"incarnation":1}`
	for _, c := range []struct {
		cursor *watch.Cursor
		state  *registry.State
		want   string
	}{
		{watch.New(of("a")), s, `{"index":1,"service":"a","instances":[` + one + `]}`},
		{watch.New(of("b")), s, `{"index":1,"service":"b","instances":[]}`},
		{watch.Resume(of("a"), 0), s, `{"index":1,"service":"a","upserted":[` + one + `],"removed":[]}`},
		{watch.Resume(of("a"), 1), apply(t, s, deregister("a", "<1&>")), `{"index":2,"service":"a","upserted":[],"removed":["<1&>"]}`},
		{watch.New(of("a")), apply(t, s, deregister("a", "<1&>")), `{"index":2,"service":"a","instances":[]}`},
	} {
		if e := last(t, c.cursor, c.state); string(e.Data) != c.want {
			t.Errorf("got  %s\nwant %s", e.Data, c.want)
		}
	}
}

func TestWatchersShareWhatIsWrittenForThem(t *testing.T) {
	s := apply(t, registry.NewState(), register("b", "1"), register("a", "1", "t", "u"), register("b", "2"), register("b", "3"),
		register("a", "2", "t", "u"))
	same := func(what string, one, other watch.Event, want bool) {
		t.Helper()
		if got := &one.Data[0] == &other.Data[0]; got != want {
			t.Errorf("%s: the same bytes: %t", what, got)
		}
	}
	a := last(t, watch.Resume(of("a"), 2), s)
	same("positions between which a did not change", a, last(t, watch.Resume(of("a"), 4), s), true)
	same("positions between which it did", a, last(t, watch.Resume(of("a"), 1), s), false)
	same("a delta and a snapshot", a, last(t, watch.New(of("a")), s), false)
	same("two snapshots", last(t, watch.New(of("a")), s), last(t, watch.New(of("b", "a")), s), false)
	same("the same snapshot", last(t, watch.New(of("a")), s), last(t, watch.New(of("a")), s), true)
	tu := last(t, watch.Resume(tagged(of("a"), "t", "u"), 2), s)
	same("the same tags in another order", tu, last(t, watch.Resume(tagged(of("a"), "u", "t", "u"), 2), s), true)
	same("other tags", tu, last(t, watch.Resume(tagged(of("a"), "t"), 2), s), false)
	same("no tags", tu, a, false)
	same("equal filters", last(t, watch.New(filtered(t, of("a"), "port == 80")), s), last(t, watch.New(filtered(t, of("a"), "port == 80")), s), true)
	same("filters", last(t, watch.New(filtered(t, of("a"), "port == 80")), s), last(t, watch.New(filtered(t, of("a"), "port != 81")), s), false)
	zone, metadata, status := of("a"), of("a"), of("a")
	zone.Query.Zone, status.Query.Status = "z", registry.Healthy
	metadata.Query.Metadata = map[string]string{"k": "v"}
	same("zone and metadata", last(t, watch.New(zone), s), last(t, watch.New(metadata), s), false)
	same("a status and none", last(t, watch.New(status), s), last(t, watch.New(of("a")), s), false)
}
