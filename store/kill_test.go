package store

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
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
	for range 25 {
		anyMoment := time.Duration(random.IntN(int(10 * time.Millisecond))) // a save or two take as long
		reported := saveUntilKilled(t, path, reached+1+random.IntN(8), anyMoment)
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

// saveUntilKilled starts a process that goes on saving, kills it a moment after it has reported a state, and returns the last
// state that it reported before it died.
func saveUntilKilled(t *testing.T, path string, state int, moment time.Duration) (reported int) {
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
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("the saver says %q", lines.Text())
		}
		if reported = n; reported == state {
			time.Sleep(moment)
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
	for {
		n++
		mustSave(t, c, imageOf(history.at(n)))
		if _, err := fmt.Println(n); err != nil {
			return // nobody is there any more
		}
	}
}
