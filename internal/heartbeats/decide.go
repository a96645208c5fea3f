package heartbeats

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

const (
	// maxOperations is how many leases a write is about. Writes that are proposed at once share entries.
	maxOperations = 512

	// maxWrites is how many such writes are under way at once: enough to fill the entries, and not so many that a leader has
	// no time left to be one when all leases run out together.
	maxWrites = 4

	// decideTimeout bounds how long a decision of this leader may wait for its entry. One that was refused is due again.
	decideTimeout = 5 * time.Second
)

// expire proposes all that is due, and waits for none of it.
func (k *Keeper) expire(ctx context.Context, deciding *sync.WaitGroup) {
	for {
		term, due := k.leases.Due(maxOperations)
		if len(due) > 0 {
			deciding.Go(func() {
				err := k.propose(ctx, term, due)
				k.leases.Settle(term, due, err != nil && !fault.IsUnknown(err))
			})
		}
		if len(due) < maxOperations {
			return
		}
	}
}

// propose has the operations of one write decided, and counts what they did.
func (k *Keeper) propose(ctx context.Context, term uint64, ops []registry.Operation) error {
	select {
	case k.writes <- struct{}{}:
		defer func() { <-k.writes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	outcome, err := k.log.Decide(ctx, fsm.Write{Term: term, Operations: ops})
	if err != nil {
		return err
	}
	for n, result := range outcome.Results {
		if !result.Changed {
			continue
		}
		switch ops[n].(type) {
		case registry.ExpireLease:
			k.expired.Add(1)
		case registry.ReapInstance:
			k.reaped.Add(1)
		case registry.ReviveLease:
			k.revived.Add(1)
		}
	}
	return nil
}
