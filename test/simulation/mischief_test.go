package simulation

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/musterhq/muster/internal/pause"
)

// kinds are the things that go wrong. Each returns what ends it.
var kinds = []struct {
	name string
	do   func(*night) (undo func())
}{
	{"leader cut off", func(n *night) func() { return n.isolate(n.leader()) }},
	{"node cut off", func(n *night) func() { return n.isolate(n.any()) }},
	{"leader unheard", func(n *night) func() { return n.cutWays(n.leader(), true, false) }},
	{"leader deaf", func(n *night) func() { return n.cutWays(n.leader(), false, true) }},
	{"one way cut", func(n *night) func() { a, b := n.two(); return n.network.cut(a.machine, b.machine) }},
	{"pair cut", func(n *night) func() {
		a, b := n.two()
		return both(n.network.cut(a.machine, b.machine), n.network.cut(b.machine, a.machine))
	}},
	{"bad weather", func(n *night) func() { return n.storm() }},
	{"leader killed", func(n *night) func() { n.leader().kill(false); return n.restart }},
	{"leader's power cut", func(n *night) func() { n.leader().kill(true); return n.restart }},
	{"node killed", func(n *night) func() { n.any().kill(n.dice.IntN(2) == 0); return n.restart }},
	{"majority killed", func(n *night) func() { a, b := n.two(); a.kill(false); b.kill(true); return n.restart }},
	{"power cut", func(n *night) func() { return n.blackout() }},
	{"slow disk", func(n *night) func() { return n.slowDisk(n.any()) }},
	{"leader's disk slow", func(n *night) func() { return n.slowDisk(n.leader()) }},
	{"leader stalls", func(n *night) func() { l := n.leader(); return both(n.isolate(l), n.slowDisk(l)) }},
	{"leaders change", func(n *night) func() { return n.changeLeaders() }},
	{"node restarted again and again", func(n *night) func() { return n.flap(n.any()) }},
}

// mischief has something go wrong.
func (n *night) mischief() (undo func()) {
	k := kinds[n.dice.IntN(len(kinds))]
	n.leases.wrong()
	n.journal.note(k.name)
	n.figures.happened(k.name)
	end := k.do(n)
	return func() {
		n.journal.note("no more: " + k.name)
		end()
	}
}

func both(a, b func()) func() { return func() { a(); b() } }

func (n *night) any() *node { return n.nodes[n.dice.IntN(len(n.nodes))] }

func (n *night) two() (a, b *node) {
	order := n.dice.Perm(len(n.nodes))
	return n.nodes[order[0]], n.nodes[order[1]]
}

func (n *night) isolate(at *node) func() { return n.cutWays(at, true, true) }

// cutWays cuts what a node sends, what it would hear, or both.
func (n *night) cutWays(at *node, out, in bool) (undo func()) {
	undo = func() {}
	for _, other := range n.nodes {
		if other == at {
			continue
		}
		if out {
			undo = both(undo, n.network.cut(at.machine, other.machine))
		}
		if in {
			undo = both(undo, n.network.cut(other.machine, at.machine))
		}
	}
	return undo
}

// storm delays and loses packets, on some links more than on others.
func (n *night) storm() (undo func()) {
	undo = func() {}
	for _, a := range n.nodes {
		for _, b := range n.nodes {
			if a == b || n.dice.IntN(3) == 0 {
				continue
			}
			n.network.become(a.machine, b.machine, weather{
				delay: n.between(time.Millisecond, 150*time.Millisecond), jitter: n.between(time.Millisecond, 300*time.Millisecond),
				loss: n.dice.Float64() * 0.3,
			})
			undo = both(undo, func() { n.network.become(a.machine, b.machine, fair) })
		}
	}
	return undo
}

// restart starts what does not run.
func (n *night) restart() {
	for _, i := range n.dice.Perm(len(n.nodes)) {
		if n.nodes[i].now() == nil {
			n.nodes[i].start()
			time.Sleep(n.between(0, time.Second))
		}
	}
}

// blackout has all machines lose their power at once.
func (n *night) blackout() (undo func()) {
	for _, at := range n.nodes {
		at.kill(true)
	}
	return n.restart
}

// slowDisk has a disk take its time.
func (n *night) slowDisk(at *node) (undo func()) {
	p := at.now()
	if p == nil {
		return func() {}
	}
	p.mount.slow(n.between(20*time.Millisecond, 2*time.Second))
	return func() { p.mount.slow(time.Millisecond) }
}

// meanwhile does something again and again, with choices of its own, until it is undone.
func (n *night) meanwhile(do func(ctx context.Context, dice *rand.Rand)) (undo func()) {
	ctx, stop := context.WithCancel(context.Background())
	dice := rand.New(rand.NewPCG(n.dice.Uint64(), 3)) //nolint:gosec // it is to be repeated
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			do(ctx, dice)
		}
	}()
	return func() {
		stop()
		<-done
	}
}

// changeLeaders has leadership handed over every second or so.
func (n *night) changeLeaders() (undo func()) {
	return n.meanwhile(func(ctx context.Context, dice *rand.Rand) {
		if p := n.nodes[dice.IntN(len(n.nodes))].now(); p != nil {
			within, cancel := context.WithTimeout(ctx, 2*time.Second)
			_, _ = p.member.Transfer(within, "")
			cancel()
		}
		pause.For(ctx, time.Duration(dice.Int64N(int64(3*time.Second))))
	})
}

// flap kills a node and starts it again, over and over.
func (n *night) flap(at *node) (undo func()) {
	return n.meanwhile(func(ctx context.Context, dice *rand.Rand) {
		at.kill(dice.IntN(2) == 0)
		pause.For(ctx, time.Duration(dice.Int64N(int64(time.Second))))
		at.start()
		pause.For(ctx, time.Duration(dice.Int64N(int64(5*time.Second))))
	})
}
