package mesh

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/child"
	"github.com/musterhq/muster/internal/testcluster"
)

// instanceProcess is an instance that runs.
type instanceProcess struct {
	*child.Process
	id, address string
}

// fleet is all instances, and what they have handled.
type fleet struct {
	t         *testing.T
	job       instanceJob
	instances []*instanceProcess
	listening sync.WaitGroup

	mu      sync.Mutex
	handled map[string]int // how often each payment was begun
	killed  map[string]bool
}

func startFleet(t *testing.T, c *testcluster.Processes, s size) *fleet {
	t.Helper()
	f := &fleet{t: t, job: instanceJob{TTL: s.ttl, Drain: s.drain}, handled: map[string]int{}, killed: map[string]bool{}}
	for _, p := range c.Nodes {
		f.job.Nodes = append(f.job.Nodes, p.HTTP)
	}
	for range s.instances {
		f.instances = append(f.instances, f.start())
	}
	return f
}

// start starts an instance and returns when it is registered.
func (f *fleet) start() *instanceProcess {
	f.t.Helper()
	i := &instanceProcess{Process: child.Start(f.t, roleInstance)}
	if err := i.Tell(f.job); err != nil {
		f.t.Fatal(err)
	}
	for i.id == "" { // A call may come before it has said that it is registered.
		w, err := f.hear(i)
		if err != nil {
			f.t.Fatalf("an instance does not get registered: %v", err)
		}
		i.id, i.address = w.ID, w.Address
	}
	f.listening.Go(func() {
		for {
			if _, err := f.hear(i); err != nil {
				return // it is gone
			}
		}
	})
	return i
}

// hear hears what an instance says next, and notes the payment if it is one.
func (f *fleet) hear(i *instanceProcess) (w word, err error) {
	err = i.Hear(&w)
	if err == nil && w.Payment != "" {
		f.mu.Lock()
		f.handled[w.Payment]++
		f.mu.Unlock()
	}
	return w, err
}

// restart ends the nth instance in good order, and starts another in its place.
func (f *fleet) restart(n int) {
	f.t.Helper()
	if err := f.instances[n].Terminate(); err != nil {
		f.t.Fatalf("%s ended with %v", f.instances[n].id, err)
	}
	f.instances[n] = f.start()
}

// replaceKilled kills the nth instance as kill -9 does, and starts another.
func (f *fleet) replaceKilled(n int) {
	f.t.Helper()
	f.killed[f.instances[n].id] = true
	f.instances[n].Kill()
	f.instances[n] = f.start()
}

// lastHeartbeat asks an instance when the registry last acknowledged a heartbeat of it.
func (i *instanceProcess) lastHeartbeat(ctx context.Context) (at time.Time, err error) {
	answer, err := testcluster.Get(ctx, "http://"+i.address+"/heartbeat")
	if err == nil {
		err = answer.Decode(&at)
	}
	return at, err
}

// requireOnce compares what was handled with what became of the calls.
func (f *fleet) requireOnce(paid *ledger) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, times := range f.handled {
		if times > 1 {
			f.t.Errorf("payment %s was handled %d times", id, times)
		}
	}
	for _, id := range paid.charged {
		if f.handled[id] == 0 {
			f.t.Errorf("payment %s was answered, and nobody handled it", id)
		}
	}
}

// begun is how many of the failed payments an instance had begun to handle.
func (f *fleet) begun(failed []failure) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range failed {
		if f.handled[one.id] > 0 {
			n++
		}
	}
	return n
}

// stop ends all instances. What they said before is heard.
func (f *fleet) stop() {
	for _, i := range f.instances {
		i.Kill()
	}
	f.listening.Wait()
}
