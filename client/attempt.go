package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// errNew is why an instance is registered for the first time, or with a new document.
var errNew = errors.New("it has a document that was not registered yet")

// target is an instance that an attempt registers, and with which document.
type target struct {
	*Registration
	version  uint64
	document registry.Instance
}

// registered is what became of one target.
type registered struct {
	instance registry.Instance
	digest   string
	created  bool
	index    uint64
}

// attempt is one registration, of one instance or of many, with one idempotency key: it may be made any number of times, and
// is applied once. Once it is decided, no copy of it that is still on its way can do anything.
type attempt struct {
	targets []target
	call    func(ctx context.Context, calls *api.Client, patience time.Duration) ([]registered, error)
	decided bool // guarded by the lock of all registrations
}

func newAttempt(targets ...target) *attempt {
	a := &attempt{targets: targets}
	if len(targets) == 1 {
		call := api.Register(targets[0].document)
		a.call = func(ctx context.Context, calls *api.Client, patience time.Duration) ([]registered, error) {
			answer, err := api.Do(ctx, calls, call.Within(patience))
			return []registered{{answer.Body, answer.Digest, answer.Created, answer.Index}}, err
		}
		return a
	}
	documents := make([]registry.Instance, len(targets))
	for n, t := range targets {
		documents[n] = t.document
	}
	call := api.RegisterAll(documents...)
	a.call = func(ctx context.Context, calls *api.Client, patience time.Duration) ([]registered, error) {
		answer, err := api.Do(ctx, calls, call.Within(patience))
		if err != nil {
			return nil, err
		}
		results := make([]registered, len(targets))
		for n, of := range answer.Body.Results {
			results[n] = registered{targets[n].document, of.Digest, of.Created, answer.Body.Index}
			if of.Instance != nil {
				results[n].instance = *of.Instance
			}
		}
		return results, nil
	}
	return a
}

// make makes an attempt and notes what became of it. The caller holds the right to write all of its targets.
func (all *registrations) make(ctx context.Context, a *attempt, patience time.Duration) error {
	results, err := a.call(ctx, all.calls, patience)
	all.mu.Lock()
	defer all.mu.Unlock()
	a.decided = a.decided || err == nil || refused(err)
	for n, t := range a.targets {
		switch {
		case err == nil:
			t.acknowledge(t, results[n])
		case fault.IsUnknown(err):
			t.tried = true
			if !slices.Contains(t.open, a) {
				t.open = append(t.open, a)
			}
		}
		t.open = slices.DeleteFunc(t.open, func(o *attempt) bool { return o.decided })
	}
	return err
}

// current tells whether the attempt still says what all of its targets want. The caller holds the lock.
func (a *attempt) current() bool {
	return !a.decided && !slices.ContainsFunc(a.targets, func(t target) bool {
		return t.left || t.lost == nil || t.Registration.version != t.version
	})
}

// refused tells whether the registry has refused a call for good: the call is at fault, not the moment.
func refused(err error) bool {
	p, ok := errors.AsType[*wire.Problem](err)
	return ok && p.Code != "" && !p.Code.Retryable() && p.Status >= 400 && p.Status < 500 && !fault.IsUnknown(err)
}

// notThere tells whether a call was refused since the instance is not registered.
func notThere(err error) bool {
	return errors.Is(err, registry.ErrInstanceNotFound) || errors.Is(err, registry.ErrServiceNotFound)
}
