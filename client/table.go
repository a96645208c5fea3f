package client

import (
	"sync"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// maxServices is how many services one stream can name.
const maxServices = 1000

// table is what is known of all services, and who wants to know. Each service is known as of an index of its own; what comes
// later and is older changes nothing.
type table struct {
	linger time.Duration

	// Signals, each of which holds one that was not taken yet.
	wanted chan struct{} // who watches what may have changed
	dirty  chan struct{} // there is something to keep
	acks   chan struct{} // there may be something to confirm

	mu      sync.Mutex
	entries map[string]*entry
	segment *segment // of the stream that runs or is to begin; nil where none may
	lost    error    // why the registry is lost; nil where it is not
}

// entry is one service.
type entry struct {
	service   string
	known     *known // nil: nothing
	seen      vouched
	shown     uint64 // a node has told the caller of a change that is known at this index; 0 where none is missing here
	joined    bool   // the stream carries it
	covered   bool   // the stream has told of it
	consumers map[*consumer]struct{}
	used      time.Time
}

func newTable(linger time.Duration) *table {
	signal := func() chan struct{} { return make(chan struct{}, 1) }
	return &table{linger: linger, wanted: signal(), dirty: signal(), acks: signal(), entries: map[string]*entry{}}
}

func ring(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// use finds a service and has it watched from now on. It is false where there are too many already.
func (t *table) use(service string) (e *entry, watched bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.useLocked(service)
}

func (t *table) useLocked(service string) (*entry, bool) {
	e := t.entries[service]
	if e == nil {
		if len(t.entries) >= maxServices && !t.evict() {
			return &entry{service: service}, false
		}
		e = &entry{service: service, consumers: map[*consumer]struct{}{}}
		t.entries[service] = e
	}
	e.used = time.Now()
	if !e.joined {
		ring(t.wanted)
	}
	return e, true
}

// evict forgets the service that was used longest ago, of those that the stream does not carry.
func (t *table) evict() bool {
	var oldest *entry
	for _, e := range t.entries {
		if !e.joined && len(e.consumers) == 0 && (oldest == nil || e.used.Before(oldest.used)) {
			oldest = e
		}
	}
	if oldest != nil {
		delete(t.entries, oldest.service)
	}
	return oldest != nil
}

// known is what may be answered of a service without asking a node: what the stream has told, if it has got as far as this
// client's own writes and what its callers have read, or anything while nobody answers.
func (t *table) known(e *entry, written uint64) *known {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost != nil || (e.covered && e.seen.at >= max(written, e.shown)) {
		return e.known
	}
	return nil
}

// show notes what a node told a caller past the table: as of the index of the state, the service's own index, 0 where it is gone.
func (t *table) show(service, cluster string, at, own uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[service]
	if e == nil || e.known == nil || e.seen.cluster != cluster || at <= e.seen.at {
		return
	}
	if own > e.known.snapshot.Index || (own == 0 && len(e.known.snapshot.Instances) > 0) {
		e.shown = max(e.shown, at)
	}
}

// last is what was known last of a service, however old.
func (t *table) last(e *entry) *known {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.known
}

func (t *table) age(service string) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[service]
	if e == nil || e.known == nil {
		return 0, false
	}
	return max(time.Since(e.seen.when), 0), true
}

// seed takes what a node answered of a service, unless something newer is known, or it is of another cluster than the rest.
func (t *table) seed(e *entry, k *known, v vouched) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.seen.cluster != "" && e.seen.cluster != v.cluster {
		if e.joined {
			return // The stream will find that out, and tell those who watch.
		}
		for c := range e.consumers {
			c.reset = true
		}
		e.seen, e.shown = vouched{}, 0
	}
	if e.known == nil || v.at >= e.seen.at {
		e.learn(k)
		e.seen = v
		ring(t.dirty)
	}
}

// learn changes what is known of a service, and tells those who watch it. What they confirm stays below the change until they
// have seen it; it may be of any index after that at which the service was known.
func (e *entry) learn(k *known) {
	before := e.known
	if before != nil && e.seen.at > 0 {
		if !k.differs(before) {
			return
		}
		k.snapshot.Index = max(k.snapshot.Index, before.snapshot.Index)
	}
	e.known = k
	for c := range e.consumers {
		c.change(e.seen.at + 1)
	}
}

// apply takes a set of events that a segment of the stream brought up to the id, all at once.
func (t *table) apply(s *segment, id uint64, cluster string, events []event) (reset bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.segment != s {
		return false, errReplaced
	}
	age := time.Duration(0)
	for _, e := range events {
		switch {
		case e.kind == wire.EventReset:
			reset = true
			t.forget(s.services)
		case e.kind == wire.EventBookmark:
			age = e.age
		case s.carries[e.service] != nil && id > s.carries[e.service].seen.at:
			s.carries[e.service].take(e)
		}
	}
	v := vouched{at: id, when: time.Now().Add(-age), cluster: cluster}
	for _, e := range s.carries {
		if id < e.seen.at {
			continue
		}
		if e.known == nil || e.seen.at == 0 && !touched(events, e.service) {
			e.learn(newKnown(e.service, id, nil))
		}
		e.seen = v
		e.covered = true
		e.restored()
	}
	t.lost = nil
	s.sent = id
	ring(t.acks)
	ring(t.dirty)
	return reset, nil
}

func (e *entry) take(change event) {
	if change.kind == wire.EventSnapshot {
		e.learn(newKnown(e.service, change.index, change.upserted))
		return
	}
	base := e.known
	if base == nil {
		base = &known{snapshot: registry.Snapshot{Service: e.service}}
	}
	e.learn(base.with(wire.Delta{Index: change.index, Upserted: change.upserted, Removed: change.removed}))
}

// restored tells those who watch a service that somebody vouches for it again.
func (e *entry) restored() {
	for c := range e.consumers {
		c.toldLost = false
		if c.fresh || c.reset {
			ring(c.wake)
		}
	}
}

// forget makes what is known of services worth nothing: it is of another history than what comes. It is still better than
// nothing until that comes. Callers hold the lock.
func (t *table) forget(services []string) {
	for _, service := range services {
		e := t.entries[service]
		if e == nil {
			continue
		}
		e.seen.at, e.shown, e.covered = 0, 0, false
		for c := range e.consumers {
			c.reset = true
		}
	}
}

// lose notes that nobody answers.
func (t *table) lose(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = err
	for _, e := range t.entries {
		for c := range e.consumers {
			ring(c.wake)
		}
	}
}
