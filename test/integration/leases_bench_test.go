package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// leaseMany registers n instances with a lease, in batches, several at once.
func leaseMany(b *testing.B, node string, n int, ttl time.Duration) {
	b.Helper()
	client := &http.Client{}
	var writers sync.WaitGroup
	slots := make(chan struct{}, 8)
	for at := 0; at < n; at += wire.MaxOperations {
		slots <- struct{}{}
		writers.Go(func() {
			defer func() { <-slots }()
			var operations []string
			for i := at; i < min(at+wire.MaxOperations, n); i++ {
				operations = append(operations, fmt.Sprintf(
					`{"register": {"service": "s%02d", "id": "i%06d", "address": "10.0.0.7", "port": 8080, "lease": {"ttl": %q}}}`, i%50, i, ttl))
			}
			status, body, err := post(client, node+wire.PathBatch, []byte(`{"operations": [`+strings.Join(operations, ",")+`]}`))
			if err != nil || status != 200 {
				b.Errorf("register: %d %.200s %v", status, body, err)
			}
		})
	}
	writers.Wait()
}

func post(client *http.Client, url string, body []byte) (int, []byte, error) {
	response, err := client.Post(url, wire.TypeJSON, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// batches are the bodies of the heartbeats for n instances, so many a batch.
func batches(b *testing.B, n, size int) (all [][]byte) {
	b.Helper()
	for at := 0; at < n; at += size {
		var beats wire.Heartbeats
		for i := at; i < min(at+size, n); i++ {
			beats.Instances = append(beats.Instances, wire.Heartbeat{Service: fmt.Sprintf("s%02d", i%50), ID: fmt.Sprintf("i%06d", i)})
		}
		body, err := json.Marshal(beats)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, body)
	}
	return all
}

// cpuOf is the time that a process has spent computing, from /proc: the fields 14 and 15, in hundredths of a second.
func cpuOf(b *testing.B, p *testcluster.Process) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// 50,000 heartbeats a second, in batches of 500, through a follower: what they cost each process, and how long an answer
// takes. An operation is a second of that.
func BenchmarkHeartbeats(b *testing.B) {
	const leases, size, rate = 50_000, 500, 50_000
	c := testcluster.StartProcesses(b, 3)
	leader := c.Leader()
	others := c.Others(leader)
	leaseMany(b, leader.HTTP, leases, time.Minute)
	bodies := batches(b, leases, size)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	index := applied(b, leader.HTTP)
	before := []time.Duration{cpuOf(b, leader), cpuOf(b, others[0]), cpuOf(b, others[1])}
	var slowest, total atomic.Int64
	sent := 0
	began := time.Now()
	var underway sync.WaitGroup
	for b.Loop() {
		for _, body := range bodies {
			time.Sleep(time.Until(began.Add(time.Duration(sent) * time.Second / rate)))
			sent += size
			underway.Go(func() {
				at := time.Now()
				status, answer, err := post(client, others[0].HTTP+wire.PathHeartbeats, body)
				if err != nil || status != 200 || !bytes.Contains(answer, fmt.Appendf(nil, `"renewed":%d,`, size)) {
					b.Errorf("%d %.200s %v", status, answer, err)
				}
				took := int64(time.Since(at))
				total.Add(took)
				for was := slowest.Load(); took > was && !slowest.CompareAndSwap(was, took); was = slowest.Load() {
				}
			})
		}
		underway.Wait()
	}
	took := time.Since(began)
	for i, p := range []*testcluster.Process{leader, others[0], others[1]} {
		name := []string{"leader", "taking", "other"}[i]
		b.ReportMetric((cpuOf(b, p)-before[i]).Seconds()/took.Seconds()*100, name+"-cpu-%")
	}
	b.ReportMetric(float64(sent)/took.Seconds(), "beats/s")
	b.ReportMetric(float64(total.Load())/float64(sent/size)/1e6, "mean-ms")
	b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
	b.ReportMetric(float64(applied(b, leader.HTTP)-index), "entries")
	b.ReportMetric(0, "ns/op") // it is a second by the pace
}

// applied is the index that a node has applied.
func applied(b *testing.B, node string) uint64 {
	b.Helper()
	answer, err := testcluster.Get(b.Context(), node+wire.PathSelf)
	if err != nil {
		b.Fatal(err)
	}
	var self wire.Self
	if err := answer.Decode(&self); err != nil {
		b.Fatal(err)
	}
	return self.AppliedIndex
}

// healthy is how many instances a node shows as healthy, in all services.
func healthy(b *testing.B, node string) (n, all int) {
	b.Helper()
	answer, err := testcluster.Get(b.Context(), node+wire.PathServices)
	if err != nil {
		b.Fatal(err)
	}
	var services wire.Services
	if err := answer.Decode(&services); err != nil {
		b.Fatal(err)
	}
	for _, s := range services.Services {
		n, all = n+s.Healthy, all+s.Instances
	}
	return n, all
}

// 100,000 leases that are renewed at about the same time and then no more: how long after the first of them has run out are
// all of them shown as unhealthy on all nodes?
func BenchmarkMassExpiry(b *testing.B) {
	const leases, ttl = 100_000, 10 * time.Second
	c := testcluster.StartProcesses(b, 3)
	leader := c.Leader()
	follower := c.Others(leader)[0]
	leaseMany(b, leader.HTTP, leases, ttl)
	client := &http.Client{}
	bodies := batches(b, leases, 10_000)
	for b.Loop() {
		var sending sync.WaitGroup
		for _, body := range bodies {
			sending.Go(func() {
				status := 0 // the second time, all of them have to be revived first, which may take longer than one call waits
				for status != 200 && b.Context().Err() == nil {
					var err error
					if status, _, err = post(client, follower.HTTP+wire.PathHeartbeats, body); err != nil {
						b.Error(err)
					}
				}
			})
		}
		began := time.Now()
		sending.Wait()
		b.ReportMetric(time.Since(began).Seconds(), "s-to-send")
		renewed := time.Now()
		before := cpuOf(b, leader)
		time.Sleep(time.Until(renewed.Add(ttl - 100*time.Millisecond)))
		for _, p := range c.Nodes {
			for n, all := healthy(b, p.HTTP); n > 0 || all != leases; n, all = healthy(b, p.HTTP) {
				time.Sleep(100 * time.Millisecond) // to count is work for the nodes
			}
		}
		b.ReportMetric(time.Since(began.Add(ttl)).Seconds(), "s-after-the-first-ran-out")
		b.ReportMetric(time.Since(renewed.Add(ttl)).Seconds(), "s-after-the-last-ran-out")
		b.ReportMetric((cpuOf(b, leader) - before).Seconds(), "leader-cpu-s")
	}
	b.ReportMetric(0, "ns/op")
}

// The leader is killed: how long until a follower acknowledges a heartbeat again, with no leases and with 100,000?
func BenchmarkFailoverOfLeases(b *testing.B) {
	for _, leases := range []int{0, 100_000} {
		b.Run(fmt.Sprint(leases), func(b *testing.B) {
			c := testcluster.StartProcesses(b, 3)
			leaseMany(b, c.Leader().HTTP, leases, time.Hour)
			lease(b, c.Leader().HTTP, "a", time.Hour)
			var all, longest time.Duration
			rounds := 0
			for b.Loop() {
				leader := c.Leader()
				follower := c.Others(leader)[0]
				leader.Kill()
				killed := time.Now()
				for beat(b.Context(), follower.HTTP, "a", 10*time.Second) != nil {
				}
				took := time.Since(killed)
				all += took
				longest = max(longest, took)
				rounds++
				leader.Start()
				c.AwaitReady()
			}
			b.ReportMetric(float64(all.Milliseconds())/float64(rounds), "mean-ms")
			b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
