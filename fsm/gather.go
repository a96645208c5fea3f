package fsm

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/fault"
)

const (
	// maxQueued is how many writes may wait on the leader. More would wait longer than their callers do.
	maxQueued = 16384

	// maxEntry bounds an entry, except where a single write is larger.
	maxEntry = 512 << 10

	// maxInFlight is how many entries are on their way to a majority at once. With one, the leader would stand still
	// while the disks write; with many, entries would be small and each costs a round of its own.
	maxInFlight = 2
)

// Log commits an entry and returns what the state machine answered. It is [cluster.Member.Commit], whose errors it has.
// It is called from several goroutines at once.
type Log interface {
	Commit(ctx context.Context, entry []byte) (any, error)

	// Commands is the newest version of commands that all nodes read, 0 where one of them does not tell.
	Commands() int
}

// gatherer makes entries of the writes that come to the leader: those that arrive while entries are on their way share
// the next one, and nothing waits while none is.
//
// An entry never holds two operations on one instance: they would share an index, and a client that saw the first of two
// versions could not tell it from the second by If-Match.
type gatherer struct {
	log      Log
	proposer string

	mu    sync.Mutex
	queue []*pending
	ended bool          // run has returned, or is about to: nothing is taken from the queue any more
	wake  chan struct{} // tells run of writes in the queue
}

// pending is a proposal that waits for its entry and then for its reply.
type pending struct {
	proposal
	taken bool // into an entry; after that the write can't be taken back
	done  chan reply
}

func newGatherer(log Log, proposer string) *gatherer {
	return &gatherer{log: log, proposer: proposer, wake: make(chan struct{}, 1)}
}

// submit has a proposal committed and returns the reply to it. A caller that gives up before the proposal is in an entry
// takes it back; after that its outcome is unknown.
func (g *gatherer) submit(ctx context.Context, what proposal) reply {
	if err := g.readable(what); err != nil {
		return reply{err: err}
	}
	p := &pending{proposal: what, done: make(chan reply, 1)}
	g.mu.Lock()
	if g.ended {
		g.mu.Unlock()
		return reply{err: cluster.ErrNotLeader}
	}
	if len(g.queue) >= maxQueued {
		g.mu.Unlock()
		return reply{err: fmt.Errorf("%w: %d writes wait on the leader already", fault.ErrOverloaded, maxQueued)}
	}
	g.queue = append(g.queue, p)
	g.mu.Unlock()
	g.awake()
	select {
	case r := <-p.done:
		return r
	case <-ctx.Done():
		return g.giveUp(p)
	}
}

// readable refuses a proposal that a node of the cluster could not read, and would have to stop for.
func (g *gatherer) readable(what proposal) error {
	if what.version <= toldVersion {
		return nil
	}
	if read := max(g.log.Commands(), toldVersion); int(what.version) > read {
		return fmt.Errorf("%w: it takes commands of version %d, and a node of the cluster reads them up to version %d: upgrade all nodes first",
			fault.ErrConflict, what.version, read)
	}
	return nil
}

func (g *gatherer) awake() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *gatherer) giveUp(p *pending) reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := fmt.Errorf("%w while the write waited for its turn", fault.ErrTimeout)
	if p.taken {
		return reply{err: fault.Unknown(fmt.Errorf("%w while a majority was asked to store the write", fault.ErrTimeout))}
	}
	p.taken = true // take skips it
	return reply{err: err}
}

// run makes entries until ctx ends, and then waits for those on their way.
func (g *gatherer) run(ctx context.Context) {
	var entries sync.WaitGroup
	defer entries.Wait()
	free := make(chan struct{}, maxInFlight)
	for {
		select {
		case <-g.wake:
		case <-ctx.Done():
			g.refuse()
			return
		}
		for {
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				g.refuse()
				return
			}
			batch := g.take()
			if len(batch) == 0 {
				<-free
				break
			}
			entry := g.encode(batch)
			entries.Go(func() {
				g.commit(ctx, entry, batch)
				<-free
			})
		}
	}
}

// take removes from the queue what goes into the next entry, in order; a write on an instance that the entry holds
// already stays for the one after, and a step of a restore for one of its own.
func (g *gatherer) take() []*pending {
	g.mu.Lock()
	defer g.mu.Unlock()
	var batch []*pending
	held := map[target]bool{}
	size := 0
	stay := g.queue[:0]
	for _, p := range g.queue {
		switch {
		case p.taken: // its caller gave up; it holds up nobody
			continue
		case len(batch) > 0 && (size+len(p.encoded) > maxEntry || p.alone || batch[0].alone), anyHeld(held, p.targets):
			stay = append(stay, p)
		default:
			p.taken = true
			batch = append(batch, p)
			size += len(p.encoded)
		}
		for _, t := range p.targets {
			held[t] = true // also by one that stays, or those that come later could keep it out for ever
		}
	}
	clear(g.queue[len(stay):])
	g.queue = stay
	return batch
}

func anyHeld(held map[target]bool, targets []target) bool {
	for _, t := range targets {
		if held[t] {
			return true
		}
	}
	return false
}

func (g *gatherer) encode(batch []*pending) []byte {
	if batch[0].alone {
		return encodeStepCommand(time.Now(), g.proposer, batch[0].encoded)
	}
	writes := make([][]byte, len(batch))
	var version byte
	for i, p := range batch {
		writes[i] = p.encoded
		version = max(version, p.version)
	}
	return encodeCommand(version, time.Now(), g.proposer, writes)
}

func (g *gatherer) commit(ctx context.Context, entry []byte, batch []*pending) {
	answer, err := g.log.Commit(ctx, entry)
	replies, ok := answer.([]reply)
	if err == nil && !ok {
		// The entry is committed and this node could not read it, which is on its way to end the process.
		err = fault.Unknown(errUnreadable)
	}
	for i, p := range batch {
		if err != nil {
			p.done <- reply{err: err}
		} else {
			p.done <- replies[i]
		}
	}
}

// refuse answers what is still in the queue at the end. Whoever asked may ask the next leader.
func (g *gatherer) refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	for _, p := range g.queue {
		if !p.taken {
			p.taken = true
			p.done <- reply{err: cluster.ErrNotLeader}
		}
	}
	g.queue = nil
}
