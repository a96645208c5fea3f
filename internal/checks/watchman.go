package checks

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

// Cluster is what a node's checks need of its membership. [cluster.Member] is one. Its methods are called from many goroutines
// at once.
type Cluster interface {
	// RaftID names this node, Leader the node that leads, empty if none is known; changed is closed when that changes.
	RaftID() string
	Leader() (raftID string, changed <-chan struct{})

	// Leading is the term in which this node leads and has applied what earlier leaders have committed, 0 if there is none.
	Leading() uint64

	// Call asks another node.
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)
}

// sweepEvery is how often a watchman looks through what it remembers for what has gone.
const sweepEvery = time.Minute

// Watchman is a node's own side: it hears what came of each question, and finds where the state shows something else. Before
// it calls silence a failure it has others ask too. Its methods may be called from many goroutines at once.
type Watchman struct {
	cluster Cluster
	label   string
	shares  *Shares
	prober  Prober
	state   func() (*registry.State, error)
	courier *courier
	doubt   doubt

	asked chan struct{}    // a place for each confirmation that is under way for others
	cases chan *silentCase // those that others are to be asked about

	mu    sync.Mutex
	open  map[key]*silentCase // waiting to be confirmed, or being confirmed
	well  map[key]time.Time   // since when every answer has been good; of checks that the state shows as unhealthy
	swept time.Time           // when well was looked through for what has gone, the last time

	verdicts             [probe.Silent + 1]atomic.Uint64
	canvassed, differing atomic.Uint64
}

// NewWatchman makes a watchman. The label is the node's name, for people; the judge is that of the same node, and decides
// while it leads. state fails while it is not to be believed.
func NewWatchman(c Cluster, label string, shares *Shares, prober Prober, state func() (*registry.State, error), judge *Judge) *Watchman {
	return &Watchman{
		cluster: c, label: label, shares: shares, prober: prober, state: state, courier: newCourier(c, judge, state),
		asked: make(chan struct{}, maxConfirming), cases: make(chan *silentCase, maxConfirming),
		open: map[key]*silentCase{}, well: map[key]time.Time{},
	}
}

// silentCase is a check from which this node hears nothing.
type silentCase struct {
	instance *registry.Instance
	check    *registry.Check
	result   probe.Result
}

// Run has others asked and passes on what is found, until ctx ends. It is called once.
func (w *Watchman) Run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	working.Go(func() { w.courier.run(ctx) })
	places := make(chan struct{}, maxConfirming)
	for {
		select {
		case of := <-w.cases:
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			working.Go(func() {
				w.settle(ctx, of)
				<-places
			})
		case <-ctx.Done():
			return
		}
	}
}

// Hear takes in what came of a question, and returns at once.
func (w *Watchman) Hear(a health.Answer) {
	w.verdicts[min(a.Result.Verdict, probe.Silent)].Add(1)
	state, err := w.state()
	if err != nil {
		return
	}
	i, c := current(state, a.Instance.Service, a.Instance.ID, a.Instance.Incarnation, a.Target.Check.Name)
	if i == nil {
		return
	}
	now := time.Now()
	verdict := a.Result.Verdict
	w.doubt.hear(now, i.Address, verdict, time.Duration(c.Interval))
	well := w.wellFor(state, now, key{i.Service, i.ID, c.Name}, c, verdict)
	if verdict.Good() {
		w.dismiss(key{i.Service, i.ID, c.Name})
	}
	switch {
	case verdict == probe.Impossible:
		w.find(i, c, Finding{Status: registry.Unknown, Output: a.Result.Output}) // or nobody would know why it stays unknown
	case verdict.Good() && (a.Judgement == registry.Healthy || a.Judgement == registry.Warning):
		w.find(i, c, Finding{Status: a.Judgement, Output: a.Result.Output, Well: well, Evidence: a.Result.Output, SeenBy: []string{w.label}})
	case verdict == probe.Failed && a.Judgement == registry.Unhealthy:
		w.find(i, c, Finding{Status: a.Judgement, Output: a.Result.Output, Evidence: a.Result.Output, SeenBy: []string{w.label}})
	case verdict == probe.Silent && a.Judgement == registry.Unhealthy:
		w.confirm(i, c, a.Result)
	}
}

// wellFor notes since when a check that the state shows as unhealthy has had nothing but good answers, and tells for how long
// that is.
func (w *Watchman) wellFor(state *registry.State, now time.Time, of key, c *registry.Check, verdict probe.Verdict) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, known := w.well[of]
	switch {
	case c.Status != registry.Unhealthy || verdict.Bad():
		delete(w.well, of)
		return 0
	case verdict.Good() && !known:
		w.sweep(state, now)
		w.well[of] = now
		return 0
	default:
		return now.Sub(since)
	}
}

// sweep drops, once in a while, what is remembered of instances that have been deregistered since. No answer will come that
// could end it.
func (w *Watchman) sweep(state *registry.State, now time.Time) {
	if now.Sub(w.swept) < sweepEvery {
		return
	}
	w.swept = now
	for of := range w.well {
		if _, err := state.Instance(of.service, of.id); err != nil {
			delete(w.well, of)
		}
	}
}

// Forget drops what is remembered of the checks of instances that are not this node's to ask any more.
func (w *Watchman) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for of := range w.well {
		if !w.shares.Mine(of.service, of.id) {
			delete(w.well, of)
		}
	}
}

// find sends a finding, if the state shows something else.
func (w *Watchman) find(i *registry.Instance, c *registry.Check, f Finding) {
	f.Service, f.ID, f.Incarnation, f.Check = i.Service, i.ID, i.Incarnation, c.Name
	f.Output, f.Evidence = shorten(f.Output), shorten(f.Evidence)
	if differs(c, &f) {
		w.differing.Add(1)
		w.courier.send(f)
	}
}

// differs tells whether a finding is news. An output alone is none, unless it says why nobody knows anything.
func differs(c *registry.Check, f *Finding) bool {
	if f.Status == registry.Unknown {
		return c.Status == registry.Unknown && c.Output == "" && f.Output != ""
	}
	return c.Status != f.Status || c.Preserved
}

// confirm has others ask an instance that this node hears nothing from, unless that is known: but a node that doubts itself
// looks again, since it would never hear that the instance is back. What finds no place comes with the next answer.
func (w *Watchman) confirm(i *registry.Instance, c *registry.Check, r probe.Result) {
	if c.Status == registry.Unhealthy && !w.doubt.holds(time.Now()) {
		return
	}
	of := key{i.Service, i.ID, c.Name}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[of] != nil {
		return
	}
	silent := &silentCase{i, c, r}
	select {
	case w.cases <- silent:
		w.open[of] = silent
	default:
	}
}

// dismiss closes the case of a check that has answered meanwhile: what others say of it is about the past.
func (w *Watchman) dismiss(of key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, of)
}

// settle asks others, and makes a finding of what they say.
func (w *Watchman) settle(ctx context.Context, of *silentCase) {
	votes, alone := w.canvass(ctx, of.instance, of.check)
	if w.close(of) && ctx.Err() == nil {
		w.conclude(of.instance, of.check.Name, of.result, votes, alone)
	}
}

// close tells whether a case was open still, which it is no longer.
func (w *Watchman) close(of *silentCase) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := key{of.instance.Service, of.instance.ID, of.check.Name}
	if w.open[name] != of {
		return false
	}
	delete(w.open, name)
	return true
}

// conclude makes a finding of what this node and others say of an instance that this one hears nothing from.
func (w *Watchman) conclude(i *registry.Instance, check string, r probe.Result, others []vote, alone bool) {
	state, err := w.state()
	if err != nil {
		return
	}
	i, c := current(state, i.Service, i.ID, i.Incarnation, check) // as it is now
	if i == nil {
		return
	}
	own := vote{Node: w.label, Verdict: r.Verdict, Output: r.Output, Doubts: w.doubt.holds(time.Now())}
	reach, miss := camps(append([]vote{own}, others...))
	switch tally(own, others, alone) {
	case unreached:
		if len(others) > 0 {
			w.doubt.agreed(i.Address)
		}
		w.find(i, c, Finding{Status: registry.Unhealthy, Silent: true, Output: r.Output, Evidence: silentEvidence(r, others), SeenBy: miss})
	case partly:
		output := fmt.Sprintf("partly reachable: %s get an answer, %s do not (%s)", list(reach), list(miss), r.Output)
		w.find(i, c, Finding{Status: registry.Warning, Output: output, Evidence: output, SeenBy: append(reach, miss...)})
	case reached:
		output := byOthers(others)
		w.find(i, c, Finding{Status: registry.Healthy, Output: output, Evidence: output, SeenBy: reach})
	case undecided: // it comes again
	}
}

// silentEvidence says in words on what ground an instance is called silent.
func silentEvidence(r probe.Result, others []vote) string {
	if len(others) == 0 {
		return r.Output + "; nobody else could be asked"
	}
	seen := []string{r.Output}
	for _, v := range others {
		seen = append(seen, v.Node+": "+cmp.Or(v.Output, v.Verdict.String()))
	}
	return strings.Join(seen, "; ")
}

// byOthers says what a node got for an answer where this one gets none.
func byOthers(votes []vote) string {
	for _, v := range votes {
		if v.Verdict.Good() {
			return fmt.Sprintf("%s, as %s sees it", v.Output, v.Node)
		}
	}
	return ""
}

// Asked is how many questions had a verdict.
func (w *Watchman) Asked(v probe.Verdict) uint64 { return w.verdicts[v].Load() }

// Findings is how often a check stood otherwise than the state showed, and Confirmations how often others were asked.
func (w *Watchman) Findings() uint64 { return w.differing.Load() }

// Confirmations is described with [Watchman.Findings].
func (w *Watchman) Confirmations() uint64 { return w.canvassed.Load() }

// Doubts tells whether this node takes silence for its own fault just now.
func (w *Watchman) Doubts() bool { return w.doubt.holds(time.Now()) }
