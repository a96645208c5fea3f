package health_test

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

const (
	crowd  = 10_000 // instances
	nodes  = 3      // that share them
	serves = "MUSTER_SERVES_CHECKS"
)

// TestServesChecks is the other process of the benchmark: all instances, on one port of every loopback address.
func TestServesChecks(t *testing.T) {
	if os.Getenv(serves) == "" {
		t.Skip("it is a part of BenchmarkRounds")
	}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"up"}`) })}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// targets starts the other process and returns its port.
func targets(b *testing.B) uint16 {
	b.Helper()
	served := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestServesChecks$", "-test.v")
	served.Env = append(os.Environ(), serves+"=yes")
	out, err := served.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := served.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := served.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = served.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at, err := netip.ParseAddrPort(strings.TrimSpace(lines.Text())); err == nil {
			return at.Port()
		}
	}
	b.Fatal("the other process does not say where it listens")
	return 0
}

// population is a state with the crowd.
func population(b *testing.B, port uint16) *registry.State {
	b.Helper()
	edit := registry.NewState().Edit()
	for k := range crowd {
		i := registry.Instance{Service: fmt.Sprintf("service-%d", k%100), ID: fmt.Sprintf("instance-%d", k), Port: int(port),
			Address: netip.AddrFrom4([4]byte{127, 1, byte(k >> 8), byte(k)}).String(), Checks: []registry.Check{{Type: registry.CheckHTTP}}}
		if _, err := edit.Apply(uint64(k+1), registry.Register{Instance: i.Normalize()}); err != nil {
			b.Fatal(err)
		}
	}
	return edit.Commit()
}

// BenchmarkRounds has three nodes in this process ask 10,000 instances in another one every ten seconds, and tells how much
// of a core that takes here, and how steady it is. An iteration takes ten seconds: -benchtime 1x.
func BenchmarkRounds(b *testing.B) {
	state := population(b, targets(b))
	var asked, bad, peak atomic.Int64
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for node := range nodes {
		prober := probe.New(probe.Config{Guard: probe.Guard{Loopback: true}})
		defer prober.Close()
		rounds := health.NewRounds(health.RoundsConfig{
			Prober: prober,
			Share: func(service, id string) bool {
				h := fnv.New32a()
				_, _ = h.Write([]byte(service + "/" + id))
				return h.Sum32()%nodes == uint32(node)
			},
			Hear: func(a health.Answer) {
				asked.Add(1)
				if a.Result.Verdict != probe.Passed {
					bad.Add(1)
				}
			},
		})
		rounds.Replaced(state)
		running.Go(func() { rounds.Run(ctx) })
	}
	running.Go(func() { // how many are asked in the busiest tenth of a second
		for last := asked.Load(); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			now := asked.Load()
			peak.Store(max(peak.Load(), now-last))
			last = now
		}
	})
	time.Sleep(15 * time.Second) // until everybody was asked, and the rate is steady
	asked.Store(0)
	bad.Store(0)
	peak.Store(0)
	before, began := cpu(b), time.Now()
	for b.Loop() {
		time.Sleep(10 * time.Second)
	}
	took := time.Since(began)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric((cpu(b)-before).Seconds()/took.Seconds(), "cores")
	b.ReportMetric(float64(asked.Load())/took.Seconds(), "checks/s")
	b.ReportMetric(float64(peak.Load()*10), "peak-checks/s")
	b.ReportMetric(float64(bad.Load()), "bad")
	b.ReportMetric(float64(memory.HeapInuse+memory.StackInuse)/(1<<20), "MiB")
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
