package herd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/registry"
)

// service is the name under which all are registered.
const service = "herd"

// partJob is what a process of clients is told first.
type partJob struct {
	Nodes       []string
	First, Many int
	TTL         time.Duration
	Gather      time.Duration // in which all must be registered
}

// question asks how the registrations of a process stand, once each has had a heartbeat after that time and was registered again so
// often, or sooner where that takes too long. A node that is a moment behind the others may renew what is forgotten already.
type question struct {
	Since  time.Time
	Again  int
	Within time.Duration
}

// standing is how the registrations of a process stand.
type standing struct {
	Unheard      int       // without a heartbeat in time
	First, Last  time.Time // when their last heartbeats were acknowledged
	Reregistered map[int]int
	Refused      []string
	Calls        *counts
}

// playPart is the role of a process of clients, each with a registration and connections of its own. It says how they stand once all
// are registered, and whenever it is asked.
func playPart(in *json.Decoder, out *json.Encoder) error {
	var job partJob
	if err := in.Decode(&job); err != nil {
		return err
	}
	calls := newCounts()
	all, errs := make([]*client.Registration, job.Many), make([]error, job.Many)
	ctx, cancel := context.WithTimeout(context.Background(), job.Gather)
	defer cancel()
	var registering sync.WaitGroup
	for first := range atOnce {
		registering.Go(func() {
			for n := first; n < job.Many; n += atOnce {
				all[n], errs[n] = register(ctx, job, n, calls)
			}
		})
	}
	registering.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for ask := (question{}); ; {
		if err := out.Encode(standingOf(all, ask, calls)); err != nil {
			return err
		}
		if err := in.Decode(&ask); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// atOnce is how many clients of a process are registered at the same time: it is their coming back that the test is about.
const atOnce = 32

// register starts the nth client of a process.
func register(ctx context.Context, job partJob, n int, calls *counts) (*client.Registration, error) {
	// As the client's own, but counted.
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext, IdleConnTimeout: 90 * time.Second}
	c, err := client.New(client.Config{Addrs: job.Nodes, Transport: counting{transport, calls}})
	if err != nil {
		return nil, err
	}
	return c.Register(ctx, registry.Instance{
		Service: service, ID: fmt.Sprintf("i%05d", job.First+n), Address: "10.0.0.7", Port: 8080,
	}, client.WithTTL(job.TTL))
}

func standingOf(all []*client.Registration, ask question, calls *counts) standing {
	late := time.Now().Add(ask.Within)
	for {
		s := standing{Reregistered: map[int]int{}}
		for _, r := range all {
			status := r.Status()
			if status.State != client.Registered || !status.LastHeartbeat.After(ask.Since) || status.Reregistered < ask.Again {
				s.Unheard++
			}
			if s.First.IsZero() || status.LastHeartbeat.Before(s.First) {
				s.First = status.LastHeartbeat
			}
			if status.LastHeartbeat.After(s.Last) {
				s.Last = status.LastHeartbeat
			}
			s.Reregistered[status.Reregistered]++
			if status.State == client.Refused {
				s.Refused = append(s.Refused, status.Err.Error())
			}
		}
		if s.Unheard == 0 || time.Now().After(late) {
			calls.mu.Lock()
			defer calls.mu.Unlock()
			taken := newCounts()
			taken.add(calls)
			s.Calls = taken
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
}
