package watch_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/registry"
)

// body has the fields of all kinds of events.
type body struct {
	Index     uint64
	Service   string
	Instances []registry.Instance
	Upserted  []registry.Instance
	Removed   []string
}

func decode(t *testing.T, e watch.Event) (b body) {
	t.Helper()
	if err := json.Unmarshal(e.Data, &b); err != nil {
		t.Fatalf("%s: %v", e.Data, err)
	}
	return b
}

func TestAWatchBeginsWithEachServiceAndTheIDOnTheLast(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("b", "1"), report("b", "1", registry.Unhealthy, ""),
		register("gone", "1"), deregister("gone", "1"), register("c", "1"))
	wantTold(t, watch.New(of("gone", "b", "a", "never", "b")), s,
		"snapshot 1 a 1=1",
		"snapshot 3 b 1=3",
		"snapshot 5 gone",
		"snapshot 6 never id:6")
	wantTold(t, watch.New(everything), s,
		"reset 6",
		"snapshot 1 a 1=1",
		"snapshot 3 b 1=3",
		"snapshot 6 c 1=6 id:6")
	wantTold(t, watch.New(tagged(of("a"), "t")), s, "snapshot 1 a id:6")
	wantTold(t, watch.New(tagged(everything, "t")), s, "reset 6", "bookmark 6 id:6")
}

func TestAnEmptyRegistryIsABookmark(t *testing.T) {
	edit := registry.NewState().Edit()
	edit.SetIndex(3)
	s := edit.Commit()
	c := watch.New(everything)
	wantTold(t, c, s, "reset 3", "bookmark 3 id:3")
	wantTold(t, c, s)
	wantTold(t, c, apply(t, s, register("a", "1")), "delta 4 a 1=4 id:4")
}

func TestAWatcherIsToldWhatChanged(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("a", "2"), register("b", "1"))
	named, all := watch.New(of("a", "c")), watch.New(everything)
	told(t, named, s)
	told(t, all, s)

	s = apply(t, s, report("b", "1", registry.Unhealthy, ""))
	wantTold(t, named, s)
	wantTold(t, all, s, "delta 4 b 1=4 id:4")

	s = apply(t, s, report("b", "1", registry.Unhealthy, "an output alone"))
	wantTold(t, named, s)
	wantTold(t, all, s)

	s = apply(t, s, register("c", "1"), deregister("a", "1"), register("a", "3", "t"), deregister("b", "1"), register("a", "0"), deregister("a", "0"))
	wantTold(t, named, s, "delta 11 a 3=8 -0 -1", "delta 6 c 1=6 id:11")
	wantTold(t, all, s, "delta 11 a 3=8 -0 -1", "delta 9 b -1", "delta 6 c 1=6 id:11")
	wantTold(t, named, s)
}

func TestAResumeGoesOnAtAnyPosition(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("b", "1"), register("a", "2"), deregister("b", "1"), register("c", "1"))
	wantTold(t, watch.Resume(of("a", "b"), 1), s, "delta 3 a 2=3", "delta 4 b -1 id:5")
	wantTold(t, watch.Resume(everything, 2), s, "delta 3 a 2=3", "delta 4 b -1", "delta 5 c 1=5 id:5")
	c := watch.Resume(of("a", "b", "never"), 4)
	wantTold(t, c, s, "bookmark 5 id:5")
	wantTold(t, c, s)
	wantTold(t, watch.Resume(everything, 5), s, "bookmark 5 id:5")
}

func TestWhatTheHistoryDoesNotReachIsASnapshot(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("b", "1"), register("a", "2"), register("c", "1"), deregister("c", "1"))
	s = apply(t, reloaded(s), deregister("b", "1"))
	wantTold(t, watch.Resume(of("a"), 3), s, "bookmark 6 id:6") // it has not changed since
	wantTold(t, watch.Resume(of("a"), 2), s, "snapshot 3 a 1=1 2=3 id:6")
	wantTold(t, watch.Resume(of("b"), 2), s, "delta 6 b -1 id:6")
	wantTold(t, watch.Resume(of("b"), 1), s, "snapshot 6 b id:6") // empty: it is gone
	wantTold(t, watch.Resume(of("c"), 5), s, "bookmark 6 id:6")
	wantTold(t, watch.Resume(of("c"), 4), s, "snapshot 6 c id:6") // it may have been there
	wantTold(t, watch.Resume(everything, 5), s, "delta 6 b -1 id:6")
	wantTold(t, watch.Resume(everything, 4), s, "reset 6", "snapshot 3 a 1=1 2=3 id:6")

	c := watch.Resume(of("a", "c"), 2)
	told(t, c, s)
	wantTold(t, c, apply(t, s, register("c", "2")), "delta 7 c 2=7 id:7")
}

func TestAPositionOfAnotherHistoryBeginsAnew(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("b", "1"))
	c := watch.Resume(of("a", "never"), 1<<40)
	c.Restart()
	wantTold(t, c, s, "reset 2", "snapshot 1 a 1=1", "snapshot 2 never id:2")
	wantTold(t, c, apply(t, s, register("a", "2")), "delta 3 a 2=3 id:3")
	c = watch.Resume(everything, 1<<40)
	c.Restart()
	wantTold(t, c, registry.NewState(), "reset 0", "bookmark 0 id:0")
}

func TestWhoDoesNotTakeAllStaysWhereItWas(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("b", "1"))
	c := watch.Resume(everything, 0)
	for e := range c.Advance(s, 0) {
		if e.Last {
			t.Errorf("the first of two events has the id %d", e.ID)
		}
		break
	}
	if c.Position() != 0 {
		t.Errorf("the position is %d", c.Position())
	}
}

func TestABookmarkSaysHowOldTheStateIs(t *testing.T) {
	c := watch.New(of("a"))
	told(t, c, registry.NewState())
	e := c.Bookmark(7, 12*time.Millisecond+345*time.Microsecond)
	if got, want := string(e.Data), `{"index":7,"age":"12ms"}`; got != want || e.ID != 7 || c.Position() != 7 {
		t.Errorf("got %s with the id %d, want %s", got, e.ID, want)
	}
	for e := range watch.Resume(of("a"), 0).Advance(registry.NewState(), time.Second) {
		if got, want := string(e.Data), `{"index":0,"age":"1s"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
