package api

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// Call is one call of the contract, not yet addressed to a node; T is the body of its answer. The functions of this
// package make them.
type Call[T any] struct{ request }

// Within is the call with another bound for the time that one node may take to answer it.
func (c Call[T]) Within(patience time.Duration) Call[T] {
	c.patience = patience
	return c
}

// request is the part of a [Call] that does not depend on its answer.
type request struct {
	method string
	path   string // already escaped
	query  url.Values
	body   any    // what stands in JSON; nil where there is none
	accept string // the media type of the answer; "" is JSON
	key    string // with which the call may be made again whatever became of it; empty where nodes remember none

	inSession bool // a read of the state, which must show what the session has seen

	harmless bool // to be made again, though it is no read: it does nothing that it has not done the first time

	patience time.Duration // how long one node may take to answer

	fits func(body any) bool // whether an answer of success is one to this call; nil where any will do
}

// read tells whether the call changes nothing.
func (r request) read() bool { return r.method == http.MethodGet }

// repeatable tells whether the call may be sent any number of times.
func (r request) repeatable() bool { return r.read() || r.harmless || r.key != "" }

// url is where the call goes on a node.
func (r request) url(node *url.URL) string {
	u := node.String() + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	return u
}

// payload is the body as it stands on the wire, nil where there is none.
func (r request) payload() ([]byte, error) {
	if r.body == nil {
		return nil, nil
	}
	b, err := wire.Encode(r.body)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	return b, nil
}

// to addresses the call to a node.
func (r request) to(ctx context.Context, node *url.URL) (*http.Request, error) {
	payload, err := r.payload()
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	addressed, err := http.NewRequestWithContext(ctx, r.method, r.url(node), body)
	if err != nil {
		return nil, err
	}
	addressed.Header.Set("Accept", cmp.Or(r.accept, wire.TypeJSON))
	if payload != nil {
		addressed.Header.Set("Content-Type", wire.TypeJSON)
	}
	if r.key != "" {
		addressed.Header.Set(wire.HeaderIdempotencyKey, r.key)
	}
	return addressed, nil
}
