package policies

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/client/mesh"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// patience is how long a call may take. One that takes longer is lost.
const patience = 10 * time.Second

// callerJob is what a caller is told.
type callerJob struct {
	Strategy  string
	Instances []registry.Instance
	Rate      float64       // calls a second
	Warmup    time.Duration // before the beginning, calls are made and not counted
	Begin     time.Time     // of the calls that count
	Length    time.Duration // of that time
}

// calls are what became of the calls of one caller, or of several.
type calls struct {
	Took []time.Duration // those that were answered well
	Lost int
}

// call is the role of a caller. It is told its job, makes calls as if by many independent users, however long they take,
// and says what became of them.
func call(in *json.Decoder, out *json.Encoder) error {
	if err := out.Encode("ready"); err != nil {
		return err
	}
	var job callerJob
	if err := in.Decode(&job); err != nil {
		return err
	}
	transport, err := mesh.New(fixed(job.Instances), policyAlone(job.Strategy)...)
	if err != nil {
		return err
	}
	found := callAtRandom(&http.Client{Transport: transport}, job)
	if err := transport.Close(); err != nil {
		return err
	}
	return out.Encode(found)
}

// policyAlone takes away all that hides what a strategy does: retries, breakers, ejection, and bounds on how long it waits.
func policyAlone(strategy string) []mesh.Option {
	never := breaker.DefaultConfig()
	never.ConsecutiveFailures, never.FailureRate = 1<<30, 0
	return []mesh.Option{
		mesh.WithStrategy(strategy),
		mesh.WithRetries(0),
		mesh.WithTryTimeout(0),
		mesh.WithBalancer(lb.WithBreaker(never)),
	}
}

// fixed is a source of instances that never change.
type fixed []registry.Instance

func (f fixed) Discover(context.Context, string) ([]registry.Instance, error) { return f, nil }

// callAtRandom makes calls at exponentially distributed intervals.
func callAtRandom(client *http.Client, job callerJob) calls {
	var found calls
	var mu sync.Mutex
	var running sync.WaitGroup
	for at := job.Begin.Add(-job.Warmup); at.Before(job.Begin.Add(job.Length)); {
		at = at.Add(time.Duration(rand.ExpFloat64() / job.Rate * float64(time.Second)))
		time.Sleep(time.Until(at))
		running.Go(func() {
			err := callOnce(client)
			took := time.Since(at) // of which it is part that the caller itself was late
			if at.Before(job.Begin) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				found.Lost++
				return
			}
			found.Took = append(found.Took, took)
		})
	}
	running.Wait()
	return found
}

// callOnce makes a call with a key of its own, for the strategy that goes by keys.
func callOnce(client *http.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ctx = mesh.WithKey(ctx, strconv.FormatUint(rand.Uint64(), 36))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+service+"/", http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(response.Status))
	}
	return errors.Join(err, response.Body.Close())
}
