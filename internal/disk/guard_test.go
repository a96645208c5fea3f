package disk

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

const mib = 1 << 20

// fakeDisk is a disk whose free space a test sets.
type fakeDisk struct {
	mu    sync.Mutex
	space Space
	err   error
	log   bytes.Buffer
}

func (d *fakeDisk) measure(string) (Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.space, d.err
}

func (d *fakeDisk) leave(free uint64, err error) {
	d.mu.Lock()
	d.space.Free, d.err = free, err
	d.mu.Unlock()
	time.Sleep(interval) // virtual: half-way between two measurements it is again
	synctest.Wait()
}

// said counts the lines of the log with the text.
func (d *fakeDisk) said(text string) int { return strings.Count(d.log.String(), text) }

// guarded runs a guard over a fake disk of 10 GiB in virtual time.
func guarded(t *testing.T, reserve, free uint64, story func(d *fakeDisk, g *Guard)) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDisk{space: Space{Free: free, Total: 10 << 30}}
		g, err := newGuard("/data", reserve, slog.New(slog.NewTextHandler(&d.log, nil)), d.measure)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { g.Run(ctx) })
		time.Sleep(interval / 2)
		story(d, g)
		cancel()
		running.Wait()
	})
}

func TestBelowTheReserveTheDiskIsFullAndWithSomeToSpareItIsNot(t *testing.T) {
	guarded(t, 80*mib, 100*mib, func(d *fakeDisk, g *Guard) {
		for step, s := range []struct {
			free uint64
			full bool
		}{
			{80 * mib, false},   // exactly the reserve is enough
			{80*mib - 1, true},  // and a byte less is not
			{80 * mib, true},    // at the edge it stays full,
			{90*mib - 1, true},  // up to an eighth above,
			{90 * mib, false},   // and then there is space,
			{80 * mib, false},   // which may be used
			{10 * mib, true},    // until there is none again
			{200 * mib, false},  //
			{9000 * mib, false}, //
		} {
			d.leave(s.free, nil)
			if err := g.Full(); errors.Is(err, fault.ErrDiskFull) != s.full {
				t.Errorf("step %d: with %d bytes free: %v", step, s.free, err)
			}
		}
		if begun, ended := d.said("nearly full"), d.said("has space again"); begun != 2 || ended != 2 {
			t.Errorf("two shortages were told %d times, and their ends %d times:\n%s", begun, ended, d.log.String())
		}
	})
}

func TestAGuardKnowsAShortageFromItsFirstMoment(t *testing.T) {
	guarded(t, 80*mib, 79*mib, func(_ *fakeDisk, g *Guard) {
		err := g.Full()
		if !errors.Is(err, fault.ErrDiskFull) || fault.IsUnknown(err) {
			t.Fatalf("%v", err)
		}
		for _, word := range []string{"/data", "79.0 MiB free", "80.0 MiB", "--disk-reserve", "free some space"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q is missing in %q", word, err)
			}
		}
	})
}

func TestTheUsualReserveIsTheSmallerOfAShareAndAnAmount(t *testing.T) {
	guarded(t, 0, 300*mib, func(_ *fakeDisk, g *Guard) {
		if r := g.Latest(); r.Reserve != 256*mib {
			t.Errorf("the reserve of 10 GiB is %d", r.Reserve)
		}
		if got := g.reserveOf(Space{Total: 1 << 30}); got != (1<<30)/20 {
			t.Errorf("the reserve of 1 GiB is %d", got)
		}
	})
}

func TestADiskThatCannotBeMeasuredKeepsTheVerdict(t *testing.T) {
	guarded(t, 80*mib, 100*mib, func(d *fakeDisk, g *Guard) {
		broken := errors.New("input/output error")
		d.leave(10*mib, broken)
		d.leave(10*mib, broken)
		if err := g.Full(); err != nil {
			t.Errorf("unmeasured: %v", err)
		}
		if n := d.said("input/output error"); n != 1 {
			t.Errorf("it was told %d times", n)
		}
		d.leave(10*mib, nil)
		d.leave(100*mib, broken)
		if err := g.Full(); err == nil {
			t.Error("a shortage ended without a measurement")
		}
	})
}

func TestARealDirectoryIsMeasured(t *testing.T) {
	g, err := NewGuard(t.TempDir(), 1, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Latest(); r.Total == 0 || r.Free > r.Total {
		t.Errorf("%+v", r)
	}
	if _, err := NewGuard("/not/there", 1, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "/not/there") {
		t.Errorf("a directory that is not there: %v", err)
	}
}
