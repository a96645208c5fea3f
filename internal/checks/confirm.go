package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

// CallConfirm is the call with which a node has another one ask an instance that it gets no answer from itself. The answer is
// a vote.
const CallConfirm = "check-confirm"

const (
	// confirmers is how many others are asked, if there are so many.
	confirmers = 2

	// confirmGrace is what a confirmation may take longer than the check.
	confirmGrace = time.Second

	// maxConfirming is how many instances a node asks at once on behalf of others, and has others ask. What finds no place is
	// put off to the next check.
	maxConfirming = 1024
)

// question names a check; the one who is asked takes address and port from the state that it has itself.
type question struct {
	Service     string `json:"service"`
	ID          string `json:"id"`
	Incarnation uint64 `json:"incarnation"`
	Check       string `json:"check"`
}

// Prober asks an instance once. [probe.Prober] is one.
type Prober interface {
	Probe(ctx context.Context, target probe.Target) probe.Result
}

// AnswerConfirm answers [CallConfirm]. Who can't ask, or does not know the instance, has no vote.
func (w *Watchman) AnswerConfirm(ctx context.Context, request []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, fmt.Errorf("another node asked for something else than a confirmation: %w", err)
	}
	state, err := w.state()
	if err != nil {
		return nil, err
	}
	i, c := current(state, q.Service, q.ID, q.Incarnation, q.Check)
	if i == nil {
		return nil, fmt.Errorf("%w: %s %s, registered at index %d", registry.ErrInstanceNotFound, q.Service, q.ID, q.Incarnation)
	}
	select {
	case w.asked <- struct{}{}:
		defer func() { <-w.asked }()
	default:
		return nil, errors.New("too many confirmations are under way on this node")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout)+confirmGrace)
	defer cancel()
	r := w.prober.Probe(ctx, targetOf(i, c))
	return json.Marshal(vote{Node: w.label, Verdict: r.Verdict, Output: shorten(r.Output), Doubts: w.doubt.holds(time.Now())})
}

func targetOf(i *registry.Instance, c *registry.Check) probe.Target {
	return probe.Target{Service: i.Service, ID: i.ID, Address: i.Address, Port: i.Port, Check: *c}
}

// canvass has others ask an instance too, those first who would take it over, until enough have a vote or all were tried. It
// tells also whether there was nobody to ask.
func (w *Watchman) canvass(ctx context.Context, i *registry.Instance, c *registry.Check) (votes []vote, alone bool) {
	others := w.shares.Others(i.Service, i.ID)
	request, err := json.Marshal(question{i.Service, i.ID, i.Incarnation, c.Name})
	if err != nil || len(others) == 0 {
		return nil, len(others) == 0
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout)+confirmGrace)
	defer cancel()
	w.canvassed.Add(1)
	var mu sync.Mutex
	next := 0
	candidate := func() (id string, more bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(others) {
			return "", false
		}
		next++
		return others[next-1], true
	}
	var asking sync.WaitGroup
	for range min(confirmers, len(others)) {
		asking.Go(func() {
			for id, more := candidate(); more; id, more = candidate() {
				if v, ok := w.poll(ctx, id, request); ok {
					mu.Lock()
					votes = append(votes, v)
					mu.Unlock()
					return
				}
			}
		})
	}
	asking.Wait()
	return votes, false
}

// poll asks one other node for its vote.
func (w *Watchman) poll(ctx context.Context, raftID string, request []byte) (v vote, counts bool) {
	answer, err := w.cluster.Call(ctx, raftID, CallConfirm, request)
	if err != nil || json.Unmarshal(answer, &v) != nil {
		return vote{}, false
	}
	return v, v.counts()
}

// shorten bounds an output.
func shorten(output string) string {
	return registry.Report{Output: output[:min(len(output), maxOutput)]}.Normalize().Output
}
