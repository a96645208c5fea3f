package disk

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

const (
	// interval is how often the space is measured. It must be short against the time in which the reserve can be used up.
	interval = time.Second

	// Where no reserve is given, it is the smaller of this many bytes and a twentieth of the file system.
	usualReserve = 256 << 20
	usualShare   = 20
)

// Guard knows whether less than the reserve is left. Its methods may be called from many goroutines at once.
type Guard struct {
	dir     string
	reserve uint64 // as configured; 0 is the usual one
	measure func(dir string) (Space, error)
	log     *slog.Logger
	latest  atomic.Pointer[Reading]
}

// Reading is what a measurement found.
type Reading struct {
	Space
	Reserve uint64 // in bytes
	Low     bool   // less than the reserve was left, and has not been left with some to spare since
}

// NewGuard measures for the first time, so that a node knows before it takes part. A reserve of 0 bytes is the usual one:
// the smaller of 5% of the file system and 256 MiB.
func NewGuard(dir string, reserve uint64, log *slog.Logger) (*Guard, error) {
	return newGuard(dir, reserve, log, measure)
}

func newGuard(dir string, reserve uint64, log *slog.Logger, measure func(string) (Space, error)) (*Guard, error) {
	g := &Guard{dir: dir, reserve: reserve, measure: measure, log: log}
	g.latest.Store(&Reading{})
	return g, g.look()
}

// Run measures every second until ctx ends. A measurement that fails is told once and leaves the verdict as it is: the
// log itself will say soon enough whether the disk is gone.
func (g *Guard) Run(ctx context.Context) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := g.look()
		if err != nil && !failing {
			g.log.Error("how much disk space is left is unknown", "error", err)
		}
		failing = err != nil
	}
}

// look measures once.
func (g *Guard) look() error {
	space, err := g.measure(g.dir)
	if err != nil {
		return err
	}
	before := g.latest.Load()
	now := before.next(space, g.reserveOf(space))
	g.latest.Store(&now)
	log := g.log.With("directory", g.dir, "free", inMiB(space.Free), "reserve", inMiB(now.Reserve))
	switch {
	case now.Low && !before.Low:
		log.Error("the disk is nearly full: this node takes no new writes and gives leadership away until there is space again")
	case before.Low && !now.Low:
		log.Info("the disk has space again: this node takes writes")
	}
	return nil
}

func (g *Guard) reserveOf(space Space) uint64 {
	if g.reserve > 0 {
		return g.reserve
	}
	return min(usualReserve, space.Total/usualShare)
}

// next is the verdict after another measurement. A shortage ends only with an eighth of the reserve to spare, lest every
// file that comes and goes at the edge ends and begins it.
func (r Reading) next(space Space, reserve uint64) Reading {
	enough := reserve
	if r.Low {
		enough += reserve / 8
	}
	return Reading{Space: space, Reserve: reserve, Low: space.Free < enough}
}

// Latest is what the newest measurement found.
func (g *Guard) Latest() Reading { return *g.latest.Load() }

// Full is nil as long as there is space for new writes, and otherwise a [fault.ErrDiskFull] that says what to do.
func (g *Guard) Full() error {
	r := g.Latest()
	if !r.Low {
		return nil
	}
	return fmt.Errorf("%w: %s has %s free of %s, and %s are kept in reserve (--disk-reserve); "+
		"free some space or enlarge the disk, and writes go on by themselves", fault.ErrDiskFull, g.dir, inMiB(r.Free), inMiB(r.Total), inMiB(r.Reserve))
}

func inMiB(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
