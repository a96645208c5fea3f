package node

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/registry"
)

const (
	manyInstances = 100_000
	batch         = 500
)

// BenchmarkRestart is how long a node with 100,000 instances takes from its start until it is ready: it has a checkpoint, a
// snapshot, and a log of a few thousand entries. A good part of it is the election of the only voter.
func BenchmarkRestart(b *testing.B) {
	config := Config{
		ID: "n1", DataDir: filepath.Join(b.TempDir(), "data"), HTTPAddr: "127.0.0.1:0", PeerAddr: "127.0.0.1:0", GossipAddr: "127.0.0.1:0",
		SnapshotThreshold: 1000, Logger: slog.New(slog.DiscardHandler),
	}
	ctx := context.Background()
	n := startReady(b, config)
	for first := 0; first < manyInstances; first += batch {
		ops := make([]registry.Operation, batch)
		for k := range batch {
			ops[k] = registry.Register{Instance: instanceNumber(first + k)}
		}
		if _, err := n.Submit(ctx, fsm.Write{Operations: ops}); err != nil {
			b.Fatal(err)
		}
	}
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for k := range 400 {
				i := instanceNumber(w*1000 + k)
				i.Port++
				if _, err := n.Submit(ctx, fsm.Write{Operations: []registry.Operation{registry.Register{Instance: i}}}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	writers.Wait()
	for snapshots := 0; snapshots == 0; time.Sleep(50 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(config.DataDir, "raft", "snapshots", "*", "seal"))
		if err != nil {
			b.Fatal(err)
		}
		snapshots = len(found)
	}
	if err := n.Close(ctx); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := startReady(b, config)
		b.StopTimer()
		if n.State().Len() != manyInstances {
			b.Fatalf("it has %d instances", n.State().Len())
		}
		if err := n.Close(ctx); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func startReady(b *testing.B, c Config) *Node {
	b.Helper()
	n, err := Start(context.Background(), c)
	if err != nil {
		b.Fatal(err)
	}
	for n.Ready() != nil {
		time.Sleep(time.Millisecond) // between two looks
	}
	return n
}

// instanceNumber is one of many instances in services of ten, of an ordinary size.
func instanceNumber(k int) registry.Instance {
	i := registry.Instance{
		Service: fmt.Sprintf("service-%05d", k/10), ID: fmt.Sprintf("i-%06d", k), Address: "10.0.0.7", Port: 8080, Zone: "eu-1a",
		Tags: []string{"v2", "canary"}, Metadata: map[string]string{"version": "2.3.1", "team": "billing"},
		Checks: []registry.Check{{Type: registry.CheckHTTP, Path: "/health"}},
	}
	return i.Normalize()
}
