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
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Answer is what a node answered to a [Call].
type Answer[T any] struct {
	Body    T
	Created bool   // the call brought something into being
	Index   uint64 // of the whole state that a read shows, or at which a write committed
	Digest  string // of a registration: stands for its document in heartbeats
}

// Do makes a call on the first node that answers. A read goes on to the next node wherever another one may do better, and so
// does a write, which carries an idempotency key; a call that changes the cluster itself only where it is certain that nothing
// has happened.
//
// The error is a [*wire.Problem] where a node gave one, an [*UnreachableError] where no node could be asked at all, and
// otherwise says what became of the try. It is marked by [fault.Unknown] where the write may have been applied.
func Do[T any](ctx context.Context, c *Client, call Call[T]) (Answer[T], error) {
	var answer Answer[T]
	err := c.try(ctx, call.request, func(node *url.URL) (err error) {
		answer, err = ask[T](ctx, c, node, call.request)
		return err
	})
	return answer, err
}

// try asks one node after the other until one answers.
func (c *Client) try(ctx context.Context, call request, ask func(node *url.URL) error) error {
	var attempts []Attempt
	for _, node := range c.nodes {
		err := ask(node)
		if err == nil {
			return nil
		}
		attempts = append(attempts, Attempt{Node: node.String(), Err: err})
		if ctx.Err() != nil || !elsewhere(call, err) {
			break
		}
	}
	err := verdict(attempts)
	open := func(a Attempt) bool { return fault.IsUnknown(a.Err) }
	if slices.ContainsFunc(attempts, open) && !fault.IsUnknown(err) && !decided(attempts[len(attempts)-1].Err) {
		err = fault.Unknown(err) // an earlier try may have been applied, or may yet be
	}
	return err
}

// decided tells whether an error is one of the state itself. With a key it holds for all tries: whichever the log saw first.
func decided(err error) bool {
	for _, refusal := range []error{
		registry.ErrInvalid, registry.ErrServiceNotFound, registry.ErrInstanceNotFound, registry.ErrCheckNotFound,
		registry.ErrPreconditionFailed, fault.ErrConflict,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// ask makes a call on one node.
func ask[T any](ctx context.Context, c *Client, node *url.URL, call request) (Answer[T], error) {
	ctx, cancel := context.WithTimeout(ctx, call.patience)
	defer cancel()
	addressed, err := call.to(ctx, node)
	if err != nil {
		return Answer[T]{}, err
	}
	var answer Answer[T]
	err = c.send(node, call, addressed, func(response *http.Response) (err error) {
		answer, err = read[T](ctx, node, call, response)
		return err
	})
	return answer, err
}

// send makes a call on one node and has take read the answer if it is one of success.
func (c *Client) send(node *url.URL, call request, addressed *http.Request, take func(*http.Response) error) error {
	ctx := addressed.Context()
	var connected atomic.Bool
	response, err := c.http.Do(addressed.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})))
	switch {
	case err != nil && !connected.Load():
		return &notReached{reason(ctx, err)}
	case err != nil:
		return noAnswer(ctx, node, call, err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 200 && response.StatusCode <= 299 {
		return take(response)
	}
	body, err := readAll(ctx, node, call, response)
	if err != nil {
		return err
	}
	return failed(node, call, response.StatusCode, body)
}

// read reads an answer of success to its end.
func read[T any](ctx context.Context, node *url.URL, call request, response *http.Response) (Answer[T], error) {
	var answer Answer[T]
	body, err := readAll(ctx, node, call, response)
	if err != nil {
		return answer, err
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &answer.Body); err != nil {
			return answer, outcome(call, fmt.Errorf("the answer is not what the contract says, is this a muster node? %w", err))
		}
	}
	answer.Created = response.StatusCode == http.StatusCreated
	answer.Index = indexOf(response)
	answer.Digest = response.Header.Get(wire.HeaderDigest)
	return answer, nil
}

// indexOf is the index of an answer. One without is that of a node from before it belonged to a cluster: 0 says so.
func indexOf(response *http.Response) uint64 {
	index, err := strconv.ParseUint(response.Header.Get(wire.HeaderIndex), 10, 64)
	if err != nil {
		return 0
	}
	return index
}

func readAll(ctx context.Context, node *url.URL, call request, response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, noAnswer(ctx, node, call, err)
	case len(body) > maxAnswer:
		return nil, outcome(call, fmt.Errorf("%s answered more than %d bytes", node, maxAnswer))
	}
	return body, nil
}

// noAnswer is the error of a call that was sent and whose answer did not come, or not whole.
func noAnswer(ctx context.Context, node *url.URL, call request, err error) error {
	return outcome(call, fmt.Errorf("%s gave no answer: %w", node, reason(ctx, err)))
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
		return call.repeatable()
	case !problem.Code.Retryable():
		return false
	default:
		return call.repeatable() || problem.Outcome == wire.NotApplied
	}
}

// outcome marks the error of a call that was sent and of which no answer came: nobody knows what became of a write.
func outcome(call request, err error) error {
	if call.read() {
		return err
	}
	return fault.Unknown(err)
}
