package health

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

const (
	defaultAtOnce = 1024
	defaultPace   = 100

	// late is by how much a question may be late before this process must have been stopped. Then everything is late: short
	// intervals wait for their phase again, so that a process that wakes up doesn't ask everybody at once.
	late = time.Second

	// longInterval is from which interval on a question is put late rather than left out.
	longInterval = time.Minute
)

// Prober asks an instance once. It is called by many goroutines at once, and must return soon after ctx ends.
type Prober interface {
	Probe(ctx context.Context, t probe.Target) probe.Result
}

// RoundsConfig says who asks, who hears the answers, and what is asked.
type RoundsConfig struct {
	Prober Prober

	// Hear gets each answer, by the goroutine that has asked: of many checks at once, of one check one after the other. The
	// check is not asked again before it returns, so whoever is slow here is asked for less.
	Hear func(Answer)

	// Share tells whether this node asks an instance; nil is all of them. It is called under a lock, must be quick, and must
	// not call the Rounds. When it changes its mind, [Rounds.Reshare] must be called.
	Share func(service, id string) bool

	// Default is what instances without checks are asked; nil is nothing. It must have no name: its answers are about the
	// instance itself.
	Default *registry.Check

	// AtOnce is how many are asked at the same time at most; 0 is 1024. Each takes a goroutine and a connection.
	AtOnce int

	// Pace is how many new checks a second are asked before their turn; 0 is 100. The others come when their phase does.
	Pace int
}

// Rounds asks instances how they are, each of their checks at its interval. It follows the state as an observer, and hands
// each answer on with what it makes of the check. Its methods may be called from many goroutines at once.
//
// When within its interval a check is asked depends on its name and the time of day alone. So the rate is steady, and a
// restart does not change it. A check that nobody has reported yet is asked as soon as the pace allows.
type Rounds struct {
	config RoundsConfig
	began  time.Time
	epoch  time.Duration // when it began, since the epoch of the world's clock

	mu       sync.Mutex
	subjects map[key]*subject
	rounds   int // that are not gone
	schedule schedule
	lanes    lanes
	fresh    []*round      // whose first question comes before its phase, the oldest first
	freshAt  time.Duration // when the next of these may be asked
	sleeping time.Duration // until when Run sleeps
	wake     chan struct{}
}

// NewRounds returns the rounds of an empty state.
func NewRounds(c RoundsConfig) *Rounds {
	c.AtOnce = cmp.Or(max(c.AtOnce, 0), defaultAtOnce)
	c.Pace = cmp.Or(max(c.Pace, 0), defaultPace)
	began := time.Now()
	return &Rounds{
		config: c, began: began, epoch: time.Duration(began.UnixNano()),
		subjects: map[key]*subject{},
		lanes:    lanes{atOnce: c.AtOnce},
		wake:     make(chan struct{}, 1),
	}
}

// now is the time since the epoch by a clock that nobody sets.
func (r *Rounds) now() time.Duration { return r.epoch + time.Since(r.began) }

// Run asks until ctx ends, and returns when nothing is being asked any more. It is called once.
func (r *Rounds) Run(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.wake:
		}
		turns, sleep := r.turn()
		for _, of := range turns {
			asking.Go(func() { r.ask(ctx, of) })
		}
		timer.Reset(sleep)
	}
}

// turn finds whose turn it is to be asked, and for how long there will be nobody else.
func (r *Rounds) turn() (turns []*round, sleep time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.callDue(now)
	r.callFresh(now)
	for of := r.lanes.next(); of != nil; of = r.lanes.next() {
		turns = append(turns, of)
	}
	r.sleeping = never
	if of := r.schedule.first(); of != nil {
		r.sleeping = of.at
	}
	if len(r.fresh) > 0 {
		r.sleeping = min(r.sleeping, r.freshAt)
	}
	return turns, max(r.sleeping-now, 0)
}

// callDue calls those whose time has come.
func (r *Rounds) callDue(now time.Duration) {
	for of := r.schedule.first(); of != nil && of.at <= now; of = r.schedule.first() {
		if now-of.at > late && of.interval() < longInterval {
			r.schedule.put(of, of.nextPhase(now+1))
			continue
		}
		r.schedule.take(of)
		of.fresh = false
		r.lanes.put(of)
	}
}

// callFresh calls those that are new, as many as the pace allows.
func (r *Rounds) callFresh(now time.Duration) {
	for len(r.fresh) > 0 && r.freshAt <= now {
		of := r.fresh[0]
		r.fresh[0], r.fresh = nil, r.fresh[1:]
		if of.gone || !of.fresh {
			continue
		}
		r.schedule.take(of)
		of.at, of.early, of.fresh = now, true, false
		r.lanes.put(of)
		r.freshAt = now + time.Second/time.Duration(r.config.Pace)
	}
}

// ask asks a round whose turn it is, and then others that wait for theirs.
func (r *Rounds) ask(ctx context.Context, of *round) {
	for of != nil {
		began := time.Now()
		result := r.config.Prober.Probe(ctx, of.target)
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		if answer, ok := r.count(of, result); ok {
			r.config.Hear(answer)
		}
		of = r.carryOn(of, took)
	}
}

// count takes an answer in, unless its round is gone.
func (r *Rounds) count(of *round, result probe.Result) (Answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of.gone {
		return Answer{}, false
	}
	of.streak.Count(result.Verdict)
	a := Answer{
		Instance: of.subject.instance, Target: of.target, Result: result,
		Judgement: of.streak.Judgement(), Run: of.streak.Run(),
	}
	a.show()
	return a, true
}

// carryOn has a round that was asked wait for its next time, and returns another whose turn has come meanwhile.
func (r *Rounds) carryOn(of *round, took time.Duration) *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lanes.done(of.lane)
	of.lane = quick
	if took > slowAfter {
		of.lane = slow
	}
	if !of.gone {
		r.plan(of, of.following(r.now()))
		of.early = false
	}
	return r.lanes.next()
}

// plan has a round wait for a time, and Run know of it.
func (r *Rounds) plan(of *round, at time.Duration) {
	r.schedule.put(of, at)
	r.rouse(at)
}

// rouse wakes Run where it would sleep for too long.
func (r *Rounds) rouse(at time.Duration) {
	if at >= r.sleeping {
		return
	}
	r.sleeping = at
	select {
	case r.wake <- struct{}{}:
	default: // It is being woken.
	}
}

// Stats tells how much there is to do.
type Stats struct {
	Checks  int // that this node asks
	Asking  int // that are being asked now
	Waiting int // whose time has come but not their turn: more than a moment's means that there are too many for this node
}

// Stats looks at how much there is to do.
func (r *Rounds) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Checks:  r.rounds,
		Asking:  r.lanes.asked[quick] + r.lanes.asked[slow],
		Waiting: r.lanes.waiting(),
	}
}
