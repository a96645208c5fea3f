package store

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// saverPath is the environment variable that turns this test binary into the process that is killed: it holds the file.
const saverPath = "MUSTER_TEST_SAVER_PATH"

// history is the one course of events that both processes agree on: each state follows from the one before.
type history struct{ states []*registry.State }

// at returns state number n. State 0 is empty, and each of the others adds the same number of indexes.
func (h *history) at(n int) *registry.State {
	if len(h.states) == 0 {
		h.states = []*registry.State{registry.NewState()}
	}
	for len(h.states) <= n {
		next := len(h.states)
		h.states = append(h.states, edited(h.states[next-1], rand.New(rand.NewPCG(9, uint64(next))), changesBetween))
	}
	return h.states[n]
}

const changesBetween = 40

// A process that is killed in the middle of a save leaves the state of a complete one: the last that it reported, or the one
// that it was at.
func TestAKilledProcessLeavesACompleteImage(t *testing.T) {
	path := newPath(t)
	random := rand.New(rand.NewPCG(7, 7))
	var history history
	reached := 0
	for n := range 24 {
		moment := committed(t, path)
		if n%2 == 0 {
			moment = after(random.Float64())
		}
		reported := saveUntilKilled(t, path, reached+1+random.IntN(8), moment)
		image, err := read(path)
		if err != nil {
			t.Fatal(err)
		}
		reached = int(image.Index) / changesBetween
		wantImage(t, image, imageOf(history.at(reached)))
		if reached < reported || reached > reported+1 {
			t.Fatalf("after state %d was reported, the file holds state %d", reported, reached)
		}
	}
	t.Logf("%d states were saved", reached)
}

// after waits for as long as a part of a save takes.
func after(part float64) func(save time.Duration) {
	return func(save time.Duration) { time.Sleep(time.Duration(part * float64(save))) }
}

// committed waits for the end of a transaction: its last step is that it writes one of the two pages that bbolt's file begins
// with. Of a save that took more than one, the others would still be to come. A file that is just being replaced may never
// change again, so that this waits for two saves at most.
func committed(t *testing.T, path string) func(save time.Duration) {
	return func(save time.Duration) {
		began, before := time.Now(), firstPages(t, path)
		for bytes.Equal(firstPages(t, path), before) && time.Since(began) < 2*save {
		}
	}
}

func firstPages(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it is only read
	pages := make([]byte, 2*os.Getpagesize())
	if _, err := io.ReadFull(file, pages); err != nil {
		t.Fatal(err)
	}
	return pages
}

// saveUntilKilled starts a process that goes on saving, kills it at a moment after it has reported a state, and returns the last
// state that it reported before it died. The moment returns when it has come; it is told how long a save takes.
func saveUntilKilled(t *testing.T, path string, state int, moment func(save time.Duration)) (reported int) {
	t.Helper()
	saver := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSaver$")
	saver.Env = append(os.Environ(), saverPath+"="+path)
	saver.Stderr = os.Stderr
	reports, err := saver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := saver.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(reports)
	for lines.Scan() {
		var took int64 // ns
		if _, err := fmt.Sscan(lines.Text(), &reported, &took); err != nil {
			t.Fatalf("the saver says %q: %v", lines.Text(), err)
		}
		if reported == state {
			moment(time.Duration(took))
			if err := saver.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := saver.Wait(); err == nil || reported < state {
		t.Fatalf("the saver ended by itself, after state %d: %v", reported, err)
	}
	return reported
}

// TestSaver is the process that is killed; on its own it is no test.
func TestSaver(t *testing.T) {
	path := os.Getenv(saverPath)
	if path == "" {
		t.SkipNow()
	}
	c := opened(t, path)
	n := int(loaded(t, c).Index) / changesBetween
	var history history
	next := imageOf(history.at(n + 1))
	for {
		began := time.Now()
		mustSave(t, c, next)
		took := time.Since(began)
		n++
		next = imageOf(history.at(n + 1)) // before the report, so that a save is what follows it
		if _, err := fmt.Println(n, took.Nanoseconds()); err != nil {
			return // nobody is there any more
		}
	}
}
