package checks

import (
	"sync"
	"time"

	"github.com/musterhq/muster/health/probe"
)

const (
	// fewestAddresses is how many unrelated addresses a node must have heard from to have a ground for doubting itself.
	fewestAddresses = 3

	// keptIntervals is for how many intervals an address counts that is not asked any more.
	keptIntervals = 3

	// tidyInterval is how often such addresses are looked for.
	tidyInterval = time.Second
)

// doubt tells a node whether it is more likely that it has lost its way than that its instances have died: when half of the
// addresses that it used to hear from have fallen silent, and nobody else has said yet that they are silent for him too.
type doubt struct {
	mu        sync.Mutex
	addresses map[string]*repute
	counts    [standings]int
	tidied    time.Time
}

// repute is what is known of an address from which something was heard.
type repute struct {
	standing standing
	heard    time.Time
	until    time.Time // then it is forgotten
}

type standing uint8

const (
	answering standing = iota
	lost               // nothing has come from it, for nobody knows whose fault
	mute               // others get no answer either
	standings
)

// hear notes what came of asking an instance at an address, as happens every interval.
func (d *doubt) hear(now time.Time, address string, verdict probe.Verdict, interval time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tidy(now)
	r := d.addresses[address]
	switch {
	case verdict == probe.Impossible, verdict == probe.Silent && r == nil:
		return
	case r == nil:
		r = &repute{}
		if d.addresses == nil {
			d.addresses = map[string]*repute{}
		}
		d.addresses[address] = r
		d.counts[answering]++
	}
	r.until = now.Add(keptIntervals * interval)
	switch {
	case verdict != probe.Silent:
		r.heard = now
		d.put(r, answering)
	case r.standing == answering && now.Sub(r.heard) >= interval: // of several ports there, none has answered
		d.put(r, lost)
	}
}

// agreed notes that others get no answer from an address either.
func (d *doubt) agreed(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.addresses[address]; r != nil && r.standing == lost {
		d.put(r, mute)
	}
}

// holds tells whether this node doubts itself.
func (d *doubt) holds(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tidy(now)
	known := d.counts[answering] + d.counts[lost]
	return known >= fewestAddresses && 2*d.counts[lost] >= known
}

func (d *doubt) put(r *repute, now standing) {
	d.counts[r.standing]--
	r.standing = now
	d.counts[now]++
}

// tidy forgets the addresses that are not asked any more.
func (d *doubt) tidy(now time.Time) {
	if now.Sub(d.tidied) < tidyInterval {
		return
	}
	d.tidied = now
	for address, r := range d.addresses {
		if now.After(r.until) {
			d.counts[r.standing]--
			delete(d.addresses, address)
		}
	}
}
