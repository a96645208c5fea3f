package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// Answer is what a node answered to a [Call].
type Answer[T any] struct {
	Body    T
	Created bool   // the call brought something into being
	Index   uint64 // of the whole state that a read shows, or at which a write committed
}

// Do makes a call on the first node that answers. A read goes on to the next node wherever another one may do better; a
// write only where it is certain that it was not applied.
//
// The error is a [*wire.Problem] where a node gave one, an [*UnreachableError] where no node could be asked at all, and
// otherwise says what became of the try. It is marked by [fault.Unknown] where the write may have been applied.
func Do[T any](ctx context.Context, c *Client, call Call[T]) (Answer[T], error) {
	var answer Answer[T]
	header, status, body, err := c.try(ctx, call.request)
	if err != nil {
		return answer, err
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &answer.Body); err != nil {
			return answer, outcome(call.request, fmt.Errorf("the answer is not what the contract says, is this a muster node? %w", err))
		}
	}
	answer.Created = status == http.StatusCreated
	// An answer without an index is that of a node from before it belonged to a cluster: 0 says so.
	answer.Index, _ = strconv.ParseUint(header.Get(wire.HeaderIndex), 10, 64)
	return answer, nil
}

// try asks one node after the other until one answers.
func (c *Client) try(ctx context.Context, call request) (header http.Header, status int, body []byte, err error) {
	var attempts []Attempt
	for _, node := range c.nodes {
		header, status, body, err = c.ask(ctx, node, call)
		if err == nil {
			return header, status, body, nil
		}
		attempts = append(attempts, Attempt{Node: node.String(), Err: err})
		if ctx.Err() != nil || !elsewhere(call, err) {
			break
		}
	}
	return nil, 0, nil, verdict(attempts)
}

// ask makes a call on one node.
func (c *Client) ask(ctx context.Context, node *url.URL, call request) (http.Header, int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, call.patience)
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	addressed, err := call.to(ctx, node)
	if err != nil {
		return nil, 0, nil, err
	}

	response, err := c.http.Do(addressed)
	switch {
	case err != nil && !connected.Load():
		return nil, 0, nil, &notReached{reason(ctx, err)}
	case err != nil:
		return nil, 0, nil, outcome(call, fmt.Errorf("%s gave no answer: %w", node, reason(ctx, err)))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, 0, nil, outcome(call, fmt.Errorf("%s gave no answer: %w", node, reason(ctx, err)))
	case len(body) > maxAnswer:
		return nil, 0, nil, outcome(call, fmt.Errorf("%s answered more than %d bytes", node, maxAnswer))
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, 0, nil, failed(node, call, response.StatusCode, body)
	}
	return response.Header, response.StatusCode, body, nil
}

// failed is the error that a failed answer stands for.
func failed(node *url.URL, call request, status int, body []byte) error {
	problem := wire.ReadProblem(status, body)
	if problem.Code != "" {
		return problem
	}
	if call.read() {
		problem.Outcome = "" // A read has none.
	}
	return fmt.Errorf("%s answered HTTP %d, but not as a muster node does: is it one? %w", node, status, problem)
}

// elsewhere tells whether the call may be made on another node after it failed so on one.
func elsewhere(call request, err error) bool {
	if _, ok := errors.AsType[*notReached](err); ok {
		return true
	}
	problem, ok := errors.AsType[*wire.Problem](err)
	switch {
	case !ok || problem.Code == "":
		return call.read()
	case !problem.Code.Retryable():
		return false
	default:
		return call.read() || problem.Outcome == wire.NotApplied
	}
}

// outcome marks the error of a call that was sent and of which no answer came: nobody knows what became of a write.
func outcome(call request, err error) error {
	if call.read() {
		return err
	}
	return fault.Unknown(err)
}
