package simulation

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/consistency"
)

// night is some time in the life of a cluster, and all that happens in it comes from one seed.
type night struct {
	t       *testing.T
	dice    *rand.Rand
	network *network
	nodes   []*node
	journal *journal
	figures *figures

	multiplier int
	seen       *consistency.Sightings
	hashes     hashes
	leases     *leases
	watchers   []*watcher
	rounds     int
}

// newNight starts a cluster.
func newNight(t *testing.T, seed uint64, f *figures) *night {
	n := &night{
		t: t, dice: rand.New(rand.NewPCG(seed, 0)), network: newNetwork(seed), journal: newJournal(), figures: f, //nolint:gosec // it is to be repeated
		seen: consistency.NewSightings(),
	}
	n.leases = newLeases(n)
	n.multiplier = []int{1, 4, 4, 8, 8}[n.dice.IntN(5)]
	var join []string
	for i := range 3 {
		join = append(join, addressOf(machine(i), gossipPort).String())
	}
	threshold := []uint64{50, 200, 2000}[n.dice.IntN(3)]
	for i := range 3 {
		at := &node{t: t, network: n.network, machine: machine(i), disk: newDisk(), starting: make(chan struct{}, 1), dice: rand.New(rand.NewPCG(seed, uint64(10+i)))} //nolint:gosec // as above
		at.watched = n.applied
		at.config = cluster.Config{
			DataDir: t.TempDir(), PeerAddr: addressOf(at.machine, peerPort).String(), GossipAddr: join[i], AdvertiseHTTP: at.machine + ":80",
			Label: fmt.Sprintf("n%d", i+1), Join: join, Expect: 3, Multiplier: n.multiplier, FreshEvery: 5 * time.Second, Tune: rest,
			SnapshotThreshold: threshold, TrailingLogs: threshold / 4, Log: slog.New(n.journal.of(fmt.Sprintf("n%d", i+1))),
		}
		n.nodes = append(n.nodes, at)
	}
	n.journal.note("the night", "seed", seed, "multiplier", n.multiplier, "snapshot threshold", threshold)
	for _, at := range n.nodes {
		at.start()
	}
	return n
}

func machine(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

// rest has Raft do less while nothing happens. Followers hear of commits from the announcements.
func rest(c *raft.Config) {
	c.CommitTimeout = 500 * time.Millisecond
	c.SnapshotInterval = 5 * time.Second
}

// patience is how long a cluster in which nothing is wrong any more may take until it takes a write.
func (n *night) patience() time.Duration {
	return time.Duration(max(2, n.multiplier)) * 5 * time.Second
}

// pass lets a night pass.
func (n *night) pass(length time.Duration) {
	defer n.end()
	began := time.Now()
	n.awaitWell()
	n.leases.begin(6)
	for range 3 {
		n.watchers = append(n.watchers, n.watch())
	}
	for time.Since(began) < length && !n.t.Failed() {
		n.round()
		time.Sleep(n.between(0, 20*time.Minute)) // calm
	}
}

// end stops everything, and waits for it.
func (n *night) end() {
	n.leases.end()
	for _, w := range n.watchers {
		w.end()
	}
	for _, at := range n.nodes {
		at.kill(false)
	}
	for _, at := range n.nodes {
		if at.last != nil {
			at.last.wait.Wait()
		}
	}
	time.Sleep(time.Minute) // memberlist does not wait for what it has begun
	if n.t.Failed() {
		n.journal.tell(n.t)
	}
}

func (n *night) between(least, most time.Duration) time.Duration {
	return least + time.Duration(n.dice.Int64N(int64(most-least)))
}

// round has clients quarrel over services that nobody used before, while one thing after another goes wrong, and judges what
// they saw once nothing is.
func (n *night) round() {
	n.rounds++
	services := []string{fmt.Sprintf("r%d-a", n.rounds), fmt.Sprintf("r%d-b", n.rounds)}
	c := n.startClients(services)
	for range 1 + n.dice.IntN(3) {
		time.Sleep(n.between(0, 5*time.Second))
		undo := []func(){n.mischief()}
		if n.dice.IntN(3) == 0 {
			time.Sleep(n.between(0, 5*time.Second))
			undo = append(undo, n.mischief()) // beside the first
		}
		time.Sleep(n.between(100*time.Millisecond, 30*time.Second))
		for _, u := range undo {
			u()
		}
		n.awaitWell()
	}
	c.end()
	if n.t.Failed() {
		return
	}
	n.requireAgreement()
	c.readAll()
	if err := c.history.Check(time.Hour, filepath.Join(n.t.ArtifactDir(), fmt.Sprintf("round-%d.html", n.rounds))); err != nil {
		n.t.Errorf("round %d: %v", n.rounds, err)
	}
	if err := errors.Join(n.seen.Check(), n.hashes.check()); err != nil {
		n.t.Errorf("round %d: %v", n.rounds, err)
	}
	calls, open := c.history.Len()
	n.figures.add(func(f *figures) { f.rounds++; f.calls += calls; f.open += open })
}

// awaitWell waits, once nothing is wrong any more, until each node runs and takes a write.
func (n *night) awaitWell() {
	for _, at := range n.nodes {
		if at.now() == nil {
			at.start()
		}
	}
	healed := time.Now()
	for !n.writable() {
		for _, at := range n.nodes {
			at.supervise(func(err error) {
				n.journal.note("a process has ended itself", "error", err)
				n.figures.happened("process ended itself")
			})
		}
		if time.Since(healed) > n.patience() {
			n.t.Errorf("round %d: nothing is wrong since %s, and no write succeeds", n.rounds, time.Since(healed))
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	took := time.Since(healed)
	n.figures.add(func(f *figures) { f.slowest = max(f.slowest, took) })
	n.journal.note("well", "after", took)
	n.leases.healthy()
}

// requireAgreement waits until all nodes have the same state at the same index, and all watchers have what the nodes have.
func (n *night) requireAgreement() {
	until := time.Now().Add(2 * n.patience())
	for {
		err := n.disagreement()
		if err == nil {
			return
		}
		if time.Now().After(until) {
			n.t.Errorf("round %d: %v", n.rounds, err)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (n *night) disagreement() error {
	first := n.nodes[0].now().machine.Image()
	for _, at := range n.nodes[1:] {
		if other := at.now().machine.Image(); other.Index != first.Index || other.Hash != first.Hash {
			return fmt.Errorf("%s has %s at %d, n1 has %s at %d", at.config.Label, other.Hash, other.Index, first.Hash, first.Index)
		}
	}
	for service := range first.State.Services() {
		for i, w := range n.watchers {
			if has, want := w.has(service.Name()), contentOf(service); has != want {
				return fmt.Errorf("watcher %d has %s of %s, the nodes have %s", i, has, service.Name(), want)
			}
		}
	}
	return nil
}

// leader is the node that leads, or seems to; any one where none does.
func (n *night) leader() *node {
	i := slices.IndexFunc(n.nodes, func(at *node) bool { p := at.now(); return p != nil && p.member.Leading() != 0 })
	return n.nodes[max(i, 0)]
}
