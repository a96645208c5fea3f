package watch_test

import (
	"testing"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/registry"
)

func TestAQueryNarrowsWhatIsTold(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "in", "t"), register("a", "out"), register("b", "out"))
	c := watch.New(tagged(of("a"), "t"))
	wantTold(t, c, s, "snapshot 2 a in=1 id:3")
	s = apply(t, s, report("a", "out", registry.Unhealthy, ""), register("a", "new"), deregister("a", "out"))
	wantTold(t, c, s) // it has seen none of them
	s = apply(t, s, report("a", "in", registry.Unhealthy, ""), register("a", "new", "t", "u"))
	wantTold(t, c, s, "delta 8 a in=7 new=8 id:8")
	s = apply(t, s, register("a", "in", "u"), deregister("a", "new"))
	wantTold(t, c, s, "delta 10 a -in -new id:10")

	all := watch.Resume(tagged(everything, "t"), 3)
	wantTold(t, all, apply(t, s, register("b", "out", "u")), "delta 10 a -in -new id:11")
}

// TestWhatWasChosenInBetweenIsRemoved is for a watcher that got a part of a set and then broke off: it may have seen what
// was neither there at its position nor is now.
func TestWhatWasChosenInBetweenIsRemoved(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), register("a", "2", "t"))
	then := watch.Resume(tagged(of("a"), "t"), 2)
	s = apply(t, s, register("a", "1", "t"), register("a", "1", "u"), register("a", "1", "v"))
	wantTold(t, then, s, "delta 5 a -1 id:5")
}

func TestAStatusIsAQuery(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"))
	healthy := of("a")
	healthy.Query.Status = registry.Healthy
	c := watch.New(healthy)
	wantTold(t, c, s, "snapshot 1 a 1=1 id:1")
	s = apply(t, s, report("a", "1", registry.Unhealthy, ""))
	wantTold(t, c, s, "delta 2 a -1 id:2")
	s = apply(t, s, register("a", "1", "t"))
	wantTold(t, c, s)
}

// TestAFilterOfOutputsIsToldOfAllThatItDoesNotChoose is about changes without an index: nobody is told of them, but what
// they made the filter not choose any more must not stay for ever.
func TestAFilterOfOutputsIsToldOfAllThatItDoesNotChoose(t *testing.T) {
	s := apply(t, registry.NewState(), register("a", "1"), report("a", "1", registry.Unhealthy, "refused"))
	c := watch.New(filtered(t, of("a"), `reported.output == "refused"`))
	wantTold(t, c, s, "snapshot 2 a 1=2 id:2")
	s = apply(t, s, report("a", "1", registry.Unhealthy, "timeout"))
	wantTold(t, c, s)
	s = apply(t, s, report("a", "1", registry.Healthy, ""))
	wantTold(t, c, s, "delta 4 a -1 id:4")
}
