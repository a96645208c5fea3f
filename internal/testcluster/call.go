package testcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// patience is how long a test waits for what should come in a moment. On a loaded machine with the race detector a moment
// may take long; a test that needs less patience measures, and says so.
const patience = 30 * time.Second

// Answer is what a node answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Decode reads the body as JSON.
func (a Answer) Decode(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return fmt.Errorf("%w in %q", err, a.Body)
	}
	return nil
}

// Index is the answer's Muster-Index.
func (a Answer) Index() string { return a.Header.Get("Muster-Index") }

// client opens a connection a call, so that no call finds one that belongs to a node's earlier life.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Get reads.
func Get(ctx context.Context, url string) (Answer, error) { return Do(ctx, http.MethodGet, url, "") }

// Do makes a call with a body of JSON, which may be empty. The error is one of the way there and back; what the node says
// is in the answer.
func Do(ctx context.Context, method, url, body string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return Send(request)
}

// Send makes a call with headers of its own. The error is as in [Do].
func Send(request *http.Request) (Answer, error) {
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	b, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, b}, errors.Join(err, response.Body.Close())
}

// Poll tries until it succeeds, and returns the last failure when ctx ends before.
func Poll(ctx context.Context, try func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
