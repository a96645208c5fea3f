package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/internal/wire"
)

// Registrations that are due go out as batches, with a pause between two: a client that has lost a thousand instances takes a
// second for them and leaves room for others.
const (
	batchSize  = 100       // registrations
	batchBytes = 512 << 10 // of their documents; a body may have twice as many
	batchPause = 50 * time.Millisecond
)

// restore registers what needs it, and makes again the reports that the registry has lost. After half a beat it leaves the
// rest for the next time, since heartbeats are due.
func (y *rhythm) restore(ctx context.Context) error {
	until := time.Now().Add(y.beat() / 2)
	for {
		try := y.next()
		if try == nil {
			return y.reports(ctx)
		}
		err := y.all.make(ctx, try, max(y.patience(), 2*time.Second))
		y.account(ctx, try, err)
		for _, t := range try.targets {
			t.release()
		}
		if err != nil && !refused(err) {
			return err
		}
		if !pause.For(ctx, jittered(batchPause)) {
			return nil
		}
		if time.Now().After(until) {
			y.rouse()
			return nil
		}
	}
}

// next is the next attempt, with the right to write its targets; nil where nothing is due. One that is still open goes first:
// made again with its key, it can't be applied twice.
func (y *rhythm) next() *attempt {
	y.all.mu.Lock()
	defer y.all.mu.Unlock()
	now := time.Now()
	var targets []target
	bytes := 0
	for r := range y.members {
		if r.lost == nil || now.Before(r.notBefore) || !r.acquireNow() {
			continue
		}
		if len(targets) == 0 && len(r.open) > 0 {
			if again := r.open[len(r.open)-1]; again.current() && acquireOthers(again, r) {
				return again
			}
		}
		text, err := json.Marshal(r.document)
		if err != nil || (len(targets) > 0 && bytes+len(text) > batchBytes) {
			r.release()
			continue
		}
		bytes += len(text)
		targets = append(targets, target{r, r.version, r.document})
		if len(targets) == batchSize {
			break
		}
	}
	if len(targets) == 0 {
		return nil
	}
	return newAttempt(targets...)
}

// acquireOthers takes the right to write all targets but one, or none.
func acquireOthers(a *attempt, but *Registration) bool {
	var held []*Registration
	for _, t := range a.targets {
		if t.Registration == but {
			continue
		}
		if !t.acquireNow() {
			for _, r := range held {
				r.release()
			}
			return false
		}
		held = append(held, t.Registration)
	}
	return true
}

// account notes a failed attempt where it belongs: of a batch that is refused for one of its instances, the others are as good
// as before.
func (y *rhythm) account(ctx context.Context, try *attempt, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	y.all.mu.Lock()
	defer y.all.mu.Unlock()
	if p, ok := errors.AsType[*wire.Problem](err); ok && p.Position != nil && refused(err) && *p.Position >= 0 && *p.Position < len(try.targets) {
		try.targets[*p.Position].fail(err)
		return
	}
	for _, t := range try.targets {
		t.fail(err)
	}
}

// reports makes again what was reported of instances and was lost with them.
func (y *rhythm) reports(ctx context.Context) error {
	y.all.mu.Lock()
	owing := y.owing()
	y.all.mu.Unlock()
	for _, r := range owing {
		if !r.acquireNow() {
			continue
		}
		err := y.report(ctx, r)
		r.release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (y *rhythm) report(ctx context.Context, r *Registration) error {
	y.all.mu.Lock()
	report, owed := r.report, r.owed && !r.left && r.lost == nil
	y.all.mu.Unlock()
	if !owed {
		return nil
	}
	_, err := api.Do(ctx, y.all.calls, api.ReportHealth(r.name.Service, r.name.ID, *report).Within(max(y.patience(), 2*time.Second)))
	y.all.mu.Lock()
	defer y.all.mu.Unlock()
	switch {
	case err == nil:
		r.owed = false
	case notThere(err): // a heartbeat will find that out
	case refused(err):
		r.owed = false
		r.all.logger.Warn("a report is refused", "service", r.name.Service, "id", r.name.ID, "error", err)
	default:
		return err
	}
	return nil
}
