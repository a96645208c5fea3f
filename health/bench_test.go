package health

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// bulk is how many leases the benchmarks have.
const bulk = 100_000

// registered is a state with n leases of 15 s.
func registered(tb testing.TB, n int) *registry.State {
	tb.Helper()
	edit := registry.NewState().Edit()
	for k := range n {
		i := registry.Instance{Service: fmt.Sprintf("service-%d", k%500), ID: fmt.Sprintf("instance-%d", k), Address: "10.0.0.7", Port: 80,
			Lease: &registry.Lease{TTL: registry.Duration(15 * time.Second)}}
		if _, err := edit.Apply(uint64(k+1), registry.Register{Instance: i.Normalize()}); err != nil {
			tb.Fatal(err)
		}
	}
	return edit.Commit()
}

// leading is a leader of n leases, and its clock.
func leading(tb testing.TB, n int) (*Leases, *time.Duration) {
	tb.Helper()
	now := new(time.Duration)
	l := newLeases("n1", func() time.Duration { return *now })
	l.Replaced(registered(tb, n))
	l.Lead(1)
	return l, now
}

// sleep lets time pass for a leader that is awake.
func sleep(l *Leases, now *time.Duration, d time.Duration) {
	for end := *now + d; *now < end; {
		*now = min(*now+Tick, end)
		l.mu.Lock()
		l.now()
		l.mu.Unlock()
	}
}

// BenchmarkMemory tells what 100,000 leases cost beside the state that they belong to.
func BenchmarkMemory(b *testing.B) {
	state := registered(b, bulk)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		l, _ := leading(b, 0)
		l.Replaced(state)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		runtime.KeepAlive(l)
	}
	runtime.KeepAlive(state)
}

// BenchmarkLead takes the leadership over, with nothing and with much to grant.
func BenchmarkLead(b *testing.B) {
	for _, n := range []int{0, bulk} {
		b.Run(fmt.Sprintf("leases=%d", n), func(b *testing.B) {
			l, _ := leading(b, n)
			for term := uint64(2); b.Loop(); term++ {
				l.Follow()
				l.Lead(term)
			}
		})
	}
}

// BenchmarkBeat renews leases, a thousand in a message.
func BenchmarkBeat(b *testing.B) {
	const together = 1000
	l, _ := leading(b, bulk)
	beats := make([]Beat, bulk)
	for k := range beats {
		beats[k] = Beat{Service: fmt.Sprintf("service-%d", k%500), ID: fmt.Sprintf("instance-%d", k)}
	}
	messages := slices.Collect(slices.Chunk(beats, together))
	for n := 0; b.Loop(); n++ {
		message := messages[n%len(messages)]
		l.Beat("n2", message)
		if message[0].Outcome != Renewed {
			b.Fatal(message[0].Outcome)
		}
	}
	b.ReportMetric(float64(b.N)*together/b.Elapsed().Seconds(), "beats/s")
}

// BenchmarkDue finds 100,000 leases that run out together.
func BenchmarkDue(b *testing.B) {
	l, now := leading(b, bulk)
	for term := uint64(2); b.Loop(); term++ {
		b.StopTimer()
		l.Lead(term)
		sleep(l, now, 15*time.Second)
		b.StartTimer()
		found := 0
		for {
			_, due := l.Due(512)
			if found += len(due); len(due) < 512 {
				break
			}
		}
		if found != bulk {
			b.Fatalf("%d are due", found)
		}
	}
}

// BenchmarkIdle is a tick in which no lease runs out, with heartbeats that come at a third of the time to live.
func BenchmarkIdle(b *testing.B) {
	l, now := leading(b, bulk)
	beats := make([]Beat, bulk)
	for k := range beats {
		beats[k] = Beat{Service: fmt.Sprintf("service-%d", k%500), ID: fmt.Sprintf("instance-%d", k)}
	}
	messages := slices.Collect(slices.Chunk(beats, bulk/100))
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		l.Beat("n2", messages[n%len(messages)])
		*now += Tick
		b.StartTimer()
		if _, due := l.Due(512); len(due) > 0 {
			b.Fatalf("%d are due", len(due))
		}
	}
}

// BenchmarkApplied hears of a registration that says nothing new.
func BenchmarkApplied(b *testing.B) {
	l, _ := leading(b, 0)
	state := registered(b, bulk)
	l.Replaced(state)
	i, err := state.Instance("service-7", "instance-7")
	if err != nil {
		b.Fatal(err)
	}
	for index := uint64(bulk); b.Loop(); index++ {
		next := *i
		next.LeaseIndex = index
		l.Applied(slices.Values([]registry.Change{{Old: i, New: &next}}))
		i = &next
	}
}

// BenchmarkHandOver tells 100,000 ages, and takes them over.
func BenchmarkHandOver(b *testing.B) {
	from, _ := leading(b, bulk)
	to, _ := leading(b, bulk)
	for term := uint64(2); b.Loop(); term += 2 {
		to.Lead(term)
		ages, ok := from.HandOver(term)
		if !ok {
			b.Fatal("it has nothing to tell")
		}
		to.TakeOver(term, ages)
		b.StopTimer()
		from.Lead(term + 1)
		b.StartTimer()
	}
}
