package simulation

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
)

// journalled is how many lines a journal keeps, the last ones.
const journalled = 1500

// journal is what has happened in a night, by its clock.
type journal struct {
	mu    sync.Mutex
	lines []string
	log   *slog.Logger
}

func newJournal() *journal {
	j := &journal{}
	j.log = slog.New(j.of("night"))
	return j
}

// of is where a node, or who it is, writes.
func (j *journal) of(who string) slog.Handler {
	return slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelInfo}).WithAttrs([]slog.Attr{slog.String("who", who)})
}

func (j *journal) note(what string, with ...any) { j.log.Info(what, with...) }

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.lines) >= 2*journalled {
		j.lines = slices.Clone(j.lines[journalled:])
	}
	j.lines = append(j.lines, string(bytes.TrimSpace(line)))
	return len(line), nil
}

// tell prints what has happened last.
func (j *journal) tell(t *testing.T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.Logf("what has happened last:\n%s", strings.Join(j.lines[max(0, len(j.lines)-journalled):], "\n"))
}

// figures are what has come of all nights.
type figures struct {
	mu                          sync.Mutex
	rounds, calls, open, writes int
	events, resumed             int
	beats, expired, keyed       int
	slowest                     time.Duration
	done                        map[string]int // of each kind of mischief, how often
	simulated                   time.Duration
}

func (f *figures) add(what func(*figures)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what(f)
}

func (f *figures) happened(what string) { f.add(func(f *figures) { f.done[what]++ }) }

func (f *figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kinds []string
	for _, name := range slices.Sorted(maps.Keys(f.done)) {
		kinds = append(kinds, fmt.Sprintf("%s %d×", name, f.done[name]))
	}
	return fmt.Sprintf("%d rounds, %d calls judged, %d of them left open, %d writes acknowledged, %d of them repeated with their key; "+
		"%d heartbeats acknowledged, %d leases run out; %d events watched, %d times resumed elsewhere; the longest time without a write after all was well %s; %s",
		f.rounds, f.calls, f.open, f.writes, f.keyed, f.beats, f.expired, f.events, f.resumed, f.slowest.Round(time.Millisecond), strings.Join(kinds, ", "))
}

// hashes are those of the state, by the index at which some node had it.
type hashes struct {
	mu    sync.Mutex
	known map[uint64]record.Hash
	wrong error
}

// note compares what a node has with what another had at the same index.
func (h *hashes) note(m *fsm.Machine) {
	image := m.Image()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[uint64]record.Hash{}
	}
	before, known := h.known[image.Index]
	if known && before != image.Hash && h.wrong == nil {
		h.wrong = fmt.Errorf("two nodes differ at %d: %s and %s", image.Index, before, image.Hash)
	}
	h.known[image.Index] = image.Hash
}

func (h *hashes) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wrong
}
