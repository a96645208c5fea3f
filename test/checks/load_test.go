package checks

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
)

// What the checks cost: three nodes with many instances, at first without checks and then with one each, every 10 s.
func TestManyTargetsCostLittleAndAreAskedSteadily(t *testing.T) {
	many := int(dice.Number(t, "MUSTER_CHECKS_TARGETS", 0))
	if many == 0 {
		t.Skip("it takes minutes: see make checks")
	}
	s := setStage(t)
	site := s.NewSite()
	process := startTargets(t, site, ":80")
	all := addresses(site, many)
	s.register("many", "", all...)
	time.Sleep(5 * time.Second)
	const span = time.Minute
	idle := s.measure(span)
	s.register("many", `{"type": "http", "interval": "10s"}`, all...)
	took := s.awaitHealthy("many", many, 5*time.Minute)
	time.Sleep(20 * time.Second) // until all have come to their phases
	began := time.Now()
	busy := s.measure(span)
	asked := process.since(began)

	t.Logf("%d targets are all healthy after %s", many, took.Round(time.Second))
	t.Logf("three nodes, idle: %s", idle)
	t.Logf("three nodes, checking every 10 s: %s", busy)
	t.Logf("the checks take %.3f cores (at most 0.2)", busy.cores-idle.cores)
	seconds := rates(asked, began, span, time.Second)
	mean := float64(len(asked)) / span.Seconds()
	t.Logf("%.1f checks a second; in the seconds from %d to %d; in slices of 100 ms at most %d", mean,
		seconds[0], last(seconds), last(rates(asked, began, span, 100*time.Millisecond)))
	if want := float64(many) / 10; mean < 0.98*want || mean > 1.02*want {
		t.Errorf("%.1f checks a second, want %.1f", mean, want)
	}
	if float64(last(seconds)) > 1.3*mean {
		t.Errorf("a second has %d checks, of %.1f on average", last(seconds), mean)
	}
	if spent := busy.cores - idle.cores; spent > 0.2 {
		t.Errorf("the checks of %d targets take %.3f cores", many, spent)
	}
}

// usage is what the processes of the nodes took together.
type usage struct {
	cores  float64
	memory int // resident at the end; MiB
}

func (u usage) String() string { return fmt.Sprintf("%.3f cores, %d MiB", u.cores, u.memory) }

func (s *stage) measure(span time.Duration) (u usage) {
	began, before := time.Now(), s.ticks()
	time.Sleep(span)
	const tick = 10 * time.Millisecond // of /proc, on all Linux machines
	u.cores = float64(s.ticks()-before) * tick.Seconds() / time.Since(began).Seconds()
	for _, p := range s.Nodes {
		pages := s.numbers(p.PID(), "statm", 1)
		u.memory += pages[0] * os.Getpagesize() >> 20
	}
	return u
}

// ticks is how long the nodes have computed, for themselves and in the kernel.
func (s *stage) ticks() (sum int) {
	for _, p := range s.Nodes {
		for _, n := range s.numbers(p.PID(), "stat", 13, 14) {
			sum += n
		}
	}
	return sum
}

// numbers are some fields of a file about a process, the first being 0.
func (s *stage) numbers(pid int, file string, fields ...int) (numbers []int) {
	s.t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		s.t.Fatal(err)
	}
	words := strings.Fields(string(content))
	for _, field := range fields {
		n, err := strconv.Atoi(words[field])
		if err != nil {
			s.t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// rates are how many questions each slice of a span has, the least first.
func rates(asked []question, began time.Time, span, slice time.Duration) []int {
	counts := make([]int, span/slice)
	for _, q := range asked {
		if n := int(q.at.Sub(began) / slice); n < len(counts) {
			counts[n]++
		}
	}
	slices.Sort(counts)
	return counts
}

func last(counts []int) int { return counts[len(counts)-1] }
