package health

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

// asked is one question of a test.
type asked struct {
	id string
	at time.Duration // since the test began
}

// yard is a registry's state with rounds that go over it in fake time, and the instances.
type yard struct {
	*testing.T
	config RoundsConfig
	rounds *Rounds
	stop   func()
	began  time.Time
	state  *registry.State
	index  uint64

	mu      sync.Mutex
	result  map[string]probe.Result  // by id; passed where there is none
	delay   map[string]time.Duration // that an instance takes
	asked   []asked
	asking  map[string]int
	total   int // that are being asked
	most    int // asked at the same time
	answers []Answer
}

// inYard runs a test in fake time, with rounds that end with it.
func inYard(t *testing.T, config RoundsConfig, story func(*yard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		y := &yard{T: t, began: time.Now(), state: registry.NewState(), result: map[string]probe.Result{},
			delay: map[string]time.Duration{}, asking: map[string]int{}}
		config.Prober, config.Hear = y, y.hear
		y.start(config)
		story(y)
		y.stop()
	})
}

// start begins rounds of the state.
func (y *yard) start(config RoundsConfig) {
	y.config, y.rounds = config, NewRounds(config)
	y.rounds.Replaced(y.state)
	ctx, cancel := context.WithCancel(y.Context())
	ended := make(chan struct{})
	go func() {
		y.rounds.Run(ctx)
		close(ended)
	}()
	y.stop = func() {
		cancel()
		<-ended
	}
}

// restart ends the rounds and begins others after a while.
func (y *yard) restart(after time.Duration) {
	y.stop()
	time.Sleep(after)
	y.start(y.config)
}

// Probe answers as the test says.
func (y *yard) Probe(ctx context.Context, t probe.Target) probe.Result {
	y.mu.Lock()
	y.asked = append(y.asked, asked{t.ID, time.Since(y.began)})
	of := t.ID + "/" + t.Check.Name
	y.asking[of]++
	if y.asking[of] > 1 {
		y.Errorf("%s is asked twice at the same time", of)
	}
	y.total++
	y.most = max(y.most, y.total)
	result, ok := y.result[t.ID]
	delay := y.delay[t.ID]
	y.mu.Unlock()
	if !ok {
		result = probe.Result{Verdict: probe.Passed, Output: "200 OK"}
	}
	if delay > 0 {
		pause.For(ctx, delay)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.asking[of]--
	y.total--
	return result
}

func (y *yard) hear(a Answer) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.answers = append(y.answers, a)
}

// answer has an instance answer so from now on.
func (y *yard) answer(id string, verdict probe.Verdict, delay time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.result[id], y.delay[id] = probe.Result{Verdict: verdict}, delay
}

// sleep lets time pass, and returns what was asked and answered since it did the last time.
func (y *yard) sleep(d time.Duration) (questions []asked, answers []Answer) {
	time.Sleep(d)
	synctest.Wait()
	y.mu.Lock()
	defer y.mu.Unlock()
	questions, answers = y.asked, y.answers
	y.asked, y.answers = nil, nil
	return questions, answers
}

// apply has the log decide operations, each at an index of its own.
func (y *yard) apply(ops ...registry.Operation) {
	y.Helper()
	edit := y.state.Edit()
	for _, op := range ops {
		y.index++
		if _, err := edit.Apply(y.index, op); err != nil {
			y.Fatal(err)
		}
	}
	y.state = edit.Commit()
	y.rounds.Applied(edit.ChangesFrom(0))
}

// report has the state show a status of the check of an instance.
func (y *yard) report(id string, status registry.Status) {
	y.Helper()
	y.apply(registry.ReportHealth{Service: "web", ID: id, Check: "http", Report: registry.Report{Status: status}})
}

// checked is the registration of an instance with one check every ten seconds.
func checked(id string, edits ...func(*registry.Instance)) registry.Register {
	i := registry.Instance{Service: "web", ID: id, Address: "10.0.0.7", Port: 80, Checks: []registry.Check{{Type: registry.CheckHTTP}}}
	for _, edit := range edits {
		edit(&i)
	}
	return registry.Register{Instance: i.Normalize()}
}

// many are the registrations of n instances.
func many(n int) (ops []registry.Operation) {
	for k := range n {
		ops = append(ops, checked(fmt.Sprintf("web-%d", k)))
	}
	return ops
}
