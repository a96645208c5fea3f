package histories

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/dice"
)

// TestAtEachIDAWatcherHasTheStateOfTheLog plays MUSTER_HISTORIES histories.
func TestAtEachIDAWatcherHasTheStateOfTheLog(t *testing.T) {
	usual := uint64(200)
	if testing.Short() {
		usual = 50
	}
	if err := flag.Set("rapid.checks", fmt.Sprint(dice.Number(t, "MUSTER_HISTORIES", usual))); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		defer h.end()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			h.step(t)
		}
		h.meet(t)
	})
}

// meet lets all nodes and all watchers come to the end of the log, most of the watchers at one node.
func (h *history) meet(t *rapid.T) {
	for _, n := range h.nodes {
		n.follow(len(h.log.entries))
	}
	for _, w := range h.watchers {
		if rapid.IntRange(0, 3).Draw(t, "stays") > 0 {
			w.disconnect()
		}
		if w.at == nil {
			w.connect(h.nodes[0])
		}
		w.hear(t)
	}
}

// history is a cluster and those who watch it.
type history struct {
	log      *commitLog
	nodes    []*node
	watchers []*watcher
	backups  [][]byte
	dir      string
}

func newHistory(t *rapid.T) *history {
	dir, err := os.MkdirTemp("", "histories")
	if err != nil {
		t.Fatal(err)
	}
	h := &history{log: newCommitLog(), dir: dir}
	for n := range 3 {
		h.nodes = append(h.nodes, newNode(h.log, dir, fmt.Sprint(n)))
	}
	for range rapid.IntRange(1, 2).Draw(t, "selections") {
		selection := drawSelection(t)
		for range rapid.IntRange(1, 3).Draw(t, "watchers") { // who share what is written for them
			h.watchers = append(h.watchers, &watcher{log: h.log, selection: selection, patient: rapid.Bool().Draw(t, "patient")})
		}
	}
	return h
}

func (h *history) end() {
	h.log.stop()
	_ = os.RemoveAll(h.dir)
}

// step lets one thing happen. Reads come often, what an operator does seldom.
func (h *history) step(t *rapid.T) {
	n := h.nodes[rapid.IntRange(0, len(h.nodes)-1).Draw(t, "node")]
	w := h.watchers[rapid.IntRange(0, len(h.watchers)-1).Draw(t, "watcher")]
	switch step := rapid.IntRange(0, 39).Draw(t, "step"); {
	case step < 10:
		h.log.gap = rapid.Uint64Range(0, 2).Draw(t, "gap")
		h.log.write(drawEntry(t, h.log.oracle.Publisher().State())...)
	case step < 12:
		sweep(t, h.log, rapid.SampledFrom(services).Draw(t, "service"))
	case step < 18:
		n.follow(rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "entries"))
	case step < 28:
		if w.at == nil {
			w.connect(n)
		}
		w.read(t, rapid.SampledFrom([]int{-1, -1, 0, 1, 2, 3}).Draw(t, "events"))
	case step < 30:
		w.hear(t)
	case step < 31:
		w.disconnect()
	case step < 32:
		churn(h.log, rapid.SampledFrom(services).Draw(t, "service"), "1")
	default:
		h.upheaval(t, n, w)
	}
}

// upheaval is one of the things that cut a node's history short, or a watcher's.
func (h *history) upheaval(t *rapid.T, n *node, w *watcher) {
	ahead := slices.MaxFunc(h.nodes, func(a, b *node) int { return cmp.Compare(a.state().Index(), b.state().Index()) })
	switch rapid.IntRange(0, 7).Draw(t, "upheaval") {
	case 0, 1:
		if rapid.IntRange(0, 2).Draw(t, "save") > 0 {
			n.save(t)
		}
		h.disconnect(n)
		n.restart(t, rapid.IntRange(0, 3).Draw(t, "entries shown again"))
	case 2, 3:
		if ahead != n {
			n.install(t, ahead)
		}
	case 4:
		if ahead != n {
			h.disconnect(n)
			n.rebuild(t, ahead)
		}
	case 5:
		h.backups = append(h.backups, h.log.backup(t))
	case 6:
		if len(h.backups) > 0 {
			h.log.restore(t, h.backups[rapid.IntRange(0, len(h.backups)-1).Draw(t, "backup")])
		}
	case 7:
		w.mislead()
	}
}

// disconnect breaks off all watches of a node.
func (h *history) disconnect(n *node) {
	for _, w := range h.watchers {
		if w.at == n {
			w.disconnect()
		}
	}
}
