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
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// slow is how long a node may leave a caller without an answer whose own time runs out before it is taken for a failing one.
const slow = 500 * time.Millisecond

// Answer is what a node answered to a [Call].
type Answer[T any] struct {
	Body    T
	Created bool          // the call brought something into being
	Index   uint64        // of the whole state that a read shows, or at which a write committed
	Cluster string        // of the node that answered
	Age     time.Duration // of a read: for which the node can't vouch
	Digest  string        // of a registration: stands for its document in heartbeats
}

// Do makes a call on the first node that answers. A read goes on to the next node wherever another one may do better, and so
// does a write, which carries an idempotency key; a call that changes the cluster itself only where it is certain that nothing
// has happened.
//
// The error is a [*wire.Problem] where a node gave one, an [*UnreachableError] where no node could be asked at all, and
// otherwise says what became of the try. It is marked by [fault.Unknown] where the write may have been applied.
//
// The answer of a failed call still tells the index at which the node that answered last had nothing better to say.
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
	c.upkeep.use()
	var attempts []Attempt
	for _, node := range c.nodes.order(!call.read(), call.patience) {
		began := time.Now()
		err := ask(node.url)
		c.judge(ctx, call, node, err, time.Since(began))
		if err == nil {
			return nil
		}
		attempts = append(attempts, Attempt{Node: node.url.String(), Err: err})
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

// judge notes what became of a try.
func (c *Client) judge(ctx context.Context, call request, node *endpoint, err error, took time.Duration) {
	switch {
	case err == nil:
		return // Its answer was noted when it came.
	case ctx.Err() != nil && (!errors.Is(ctx.Err(), context.DeadlineExceeded) || took < slow):
		return // It is the caller who had no more time, or no more interest.
	case ctx.Err() == nil && !turnsAway(call, err):
		return
	}
	all := c.nodes.fail(node)
	c.upkeep.trouble()
	if other, ok := errors.AsType[*otherCluster](err); ok && all {
		c.session.estranged(other.theirs)
	}
}

// turnsAway tells whether it is the node that failed, rather than the call.
func turnsAway(call request, err error) bool {
	problem, ok := errors.AsType[*wire.Problem](err)
	return !ok || problem.Code == "" || (problem.Code.Retryable() && elsewhere(call, err))
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
	var said Answer[T]
	err = c.send(node, call, addressed, func(response *http.Response) (err error) {
		answer, err = read[T](ctx, node, call, response)
		return err
	}, func(response *http.Response) {
		said.Index, said.Cluster = indexOf(response), response.Header.Get(wire.HeaderCluster)
		if ms, err := strconv.ParseInt(response.Header.Get(wire.HeaderAge), 10, 64); err == nil {
			said.Age = time.Duration(ms) * time.Millisecond
		}
	})
	answer.Index, answer.Cluster, answer.Age = said.Index, said.Cluster, said.Age
	return answer, err
}

// send makes a call on one node and has take read the answer if it is one of success. What hears is told of any answer.
func (c *Client) send(node *url.URL, call request, addressed *http.Request, take func(*http.Response) error, hear ...func(*http.Response)) error {
	ctx := addressed.Context()
	if c.token != "" {
		addressed.Header.Set("Authorization", "Bearer "+c.token)
	}
	wanted := c.session.constrain(addressed, call)
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
	defer func() {
		_ = response.Body.Close()
		if c.closed.Load() {
			c.http.CloseIdleConnections() // nobody else will
		}
	}()
	cluster := response.Header.Get(wire.HeaderCluster)
	if ours, yes := c.session.foreign(cluster); yes && call.read() {
		return &otherCluster{node: node.String(), theirs: cluster, ours: ours}
	}
	for _, h := range hear {
		h(response)
	}
	if response.StatusCode >= 200 && response.StatusCode <= 299 {
		if err := take(response); err != nil {
			return err
		}
		c.heard(node, call, wanted, response)
		return nil
	}
	body, err := readAll(ctx, node, call, response)
	if err != nil {
		return err
	}
	err = failed(node, call, response.StatusCode, body)
	if !turnsAway(call, err) {
		c.heard(node, call, wanted, response)
	}
	return err
}

// heard notes what the headers of an answer say.
func (c *Client) heard(node *url.URL, call request, wanted demand, response *http.Response) {
	c.nodes.answerOf(node, response.Header.Get(wire.HeaderLeader))
	cluster, index := response.Header.Get(wire.HeaderCluster), indexOf(response)
	if call.inSession || (call.key != "" && response.StatusCode < 300) {
		c.session.saw(call, wanted, cluster, index)
	}
}

// read reads an answer of success to its end.
func read[T any](ctx context.Context, node *url.URL, call request, response *http.Response) (Answer[T], error) {
	var answer Answer[T]
	body, err := readAll(ctx, node, call, response)
	if err != nil {
		return answer, err
	}
	if len(body) > 0 {
		err = json.Unmarshal(body, &answer.Body)
	}
	if err == nil && call.fits != nil && !call.fits(answer.Body) {
		err = fmt.Errorf("%w: %.80q", errUnfitting, body)
	}
	if err != nil {
		return Answer[T]{}, outcome(call, fmt.Errorf("the answer is not what the contract says, is this a muster node? %w", err))
	}
	answer.Index = indexOf(response)
	answer.Created = response.StatusCode == http.StatusCreated
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
