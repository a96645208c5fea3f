package roster

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/musterhq/muster/registry"
)

// Watch is one acknowledging watch from its beginning to its end. Its methods may be called from many goroutines at once.
type Watch struct {
	id       string
	name     string
	services []string // sorted
	roster   *Roster
	nudge    chan struct{}

	// Guarded by the roster's mutex.
	sent      uint64
	confirmed uint64
	wanted    uint64 // the highest index that it was nudged for
	left      bool
}

// ID is what the watch's owner confirms under. Nobody else can guess it.
func (w *Watch) ID() string { return w.id }

// Sent notes that the watch is being sent everything up to an index. It is called just before the event that carries the
// index is written: the confirmation may be here sooner than the write returns. A nudge for what is sent anyway lapses.
func (w *Watch) Sent(index uint64) {
	w.roster.mu.Lock()
	defer w.roster.mu.Unlock()
	w.sent = index
	if index < w.wanted {
		return
	}
	select {
	case <-w.nudge:
	default:
	}
}

// Nudge gives a value when somebody waits for the watch to confirm an index that it was not sent yet: it is to be brought
// forward to the newest state, and sent a bookmark if that held nothing for it, at once.
func (w *Watch) Nudge() <-chan struct{} { return w.nudge }

// Leave ends the watch, which counts as broken off from here on. Only the first call does something, and none after
// [Roster.End].
func (w *Watch) Leave() {
	w.roster.mu.Lock()
	defer w.roster.mu.Unlock()
	if !w.left {
		w.leave((*Roster).remember)
	}
}

// leave takes the watch out of all its audiences, each of which it is noted in as its end asks for.
func (w *Watch) leave(note func(r *Roster, service string, w *Watch)) {
	r := w.roster
	w.left = true
	delete(r.watches, w.id)
	for _, service := range w.services {
		delete(r.audience(service).here, w)
		note(r, service, w)
	}
	r.release(w)
}

// push nudges a watch that was not sent an index yet, unless it was nudged and has not noticed.
func (w *Watch) push(index uint64) {
	if w.sent >= index {
		return
	}
	w.wanted = max(w.wanted, index)
	select {
	case w.nudge <- struct{}{}:
	default:
	}
}

// NodePrefix begins the names under which nodes, not watches, are listed as unconfirmed.
const NodePrefix = "node:"

// validName keeps out names that would not be legible in a list of the unconfirmed, or be taken for a node's there.
func validName(name string) error {
	var reason string
	switch {
	case name == "":
		reason = "is empty; name the one who watches"
	case len(name) > registry.MaxNameBytes:
		reason = "is longer than a name may be"
	case !utf8.ValidString(name):
		reason = "is not valid UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		reason = "holds a character that can't be printed"
	case strings.HasPrefix(name, NodePrefix):
		reason = `must not begin with "` + NodePrefix + `", which nodes are listed under`
	default:
		return nil
	}
	return &registry.InvalidError{Field: "ack", Reason: reason}
}
