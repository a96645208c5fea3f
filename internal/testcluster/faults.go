package testcluster

import "time"

// Cut resets all connections, and new ones as they come, and loses all datagrams: the target's process is gone.
func (p *Proxy) Cut() {
	p.conditions.change(Both, func(l *lane) { l.cut = true })
	p.resetLinks()
}

// CutAfter does what [Proxy.Cut] does once connections have carried n more bytes, all together, in a direction of d. Of
// the last bytes some may be lost with the connection.
func (p *Proxy) CutAfter(d Direction, n int64) {
	p.after(d, n, p.Cut)
}

// BlackHole lets nothing through in the directions of d and tells nobody: connections are still accepted, nobody gets
// a reset, datagrams are lost. What connections carry waits, as it would for a retransmission.
func (p *Proxy) BlackHole(d Direction) {
	p.conditions.change(d, func(l *lane) { l.hole = true })
}

// BlackHoleAfter does what [Proxy.BlackHole] does, in both directions, once connections have carried n more bytes, all
// together, in a direction of d: a peer that vanishes in the middle of a transfer.
func (p *Proxy) BlackHoleAfter(d Direction, n int64) {
	p.after(d, n, func() { p.BlackHole(Both) })
}

func (p *Proxy) after(d Direction, n int64, reached func()) {
	if n <= 0 {
		reached()
		return
	}
	p.conditions.change(d, func(l *lane) { l.limit = &limit{left: n, reached: reached} })
}

// Stall holds everything back in the directions of d, datagrams too as long as there is room for them, and keeps the
// connections: a peer that is frozen. Nothing of it is lost.
func (p *Proxy) Stall(d Direction) {
	p.conditions.change(d, func(l *lane) { l.stalled = true })
}

// Delay has everything in the directions of d arrive that much later, and by a share of jitter more that is drawn for
// each piece. Connections keep their order, datagrams need not.
func (p *Proxy) Delay(d Direction, delay, jitter time.Duration) {
	p.conditions.change(d, func(l *lane) { l.delay, l.jitter = delay, jitter })
}

// Bandwidth caps what goes in each direction of d at so many bytes a second, all connections and datagrams together.
// 0 takes the cap away.
func (p *Proxy) Bandwidth(d Direction, bytesPerSecond int) {
	p.conditions.change(d, func(l *lane) { l.rate = bytesPerSecond })
}

// Lose loses that share, from 0 to 1, of the datagrams in the directions of d. Connections don't notice: for them
// loss is a delay.
func (p *Proxy) Lose(d Direction, share float64) {
	p.conditions.change(d, func(l *lane) { l.loss = share })
}

// Duplicate has that share, from 0 to 1, of the datagrams in the directions of d arrive twice.
func (p *Proxy) Duplicate(d Direction, share float64) {
	p.conditions.change(d, func(l *lane) { l.duplicate = share })
}

// Seed starts the random numbers of jitter, loss and duplication anew, so that a run can be repeated. A proxy begins
// with the seed 1.
func (p *Proxy) Seed(seed uint64) { p.conditions.seed(seed) }
