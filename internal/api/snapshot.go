package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

func saveRequest() request {
	return request{method: http.MethodGet, path: wire.PathSnapshot, patience: askingPatience}
}

func restoreRequest() request {
	return request{method: http.MethodPut, path: wire.PathSnapshot, patience: restorePatience}
}

// SaveSnapshot asks for a snapshot of the whole state and has take read it to its end. Another node is asked only as long as
// none has begun to answer. One that sends nothing for as long as stall is given up.
//
// That the connection broke off is an error of the reader, but what came must be checked by its own checksums all the same.
func SaveSnapshot(ctx context.Context, c *Client, stall time.Duration, take func(snapshot io.Reader) error) error {
	call := saveRequest()
	var taken error
	err := c.try(ctx, call, func(node *url.URL) error {
		ctx, idle := newIdle(ctx, call.patience)
		defer idle.stop()
		addressed, err := call.to(ctx, node)
		if err != nil {
			return err
		}
		addressed.Header.Set("Accept", wire.TypeSnapshot)
		return c.send(node, call, addressed, func(response *http.Response) error {
			taken = take(&moving{from: response.Body, moved: func(err error) error {
				idle.allow(stall)
				if err != nil && !errors.Is(err, io.EOF) {
					return noAnswer(ctx, node, call, err)
				}
				return err
			}})
			return nil // whatever came of it, this node has answered
		})
	})
	return cmp.Or(err, taken)
}

// RestoreSnapshot has a node restore the snapshot of so many bytes. A node that takes nothing for as long as stall is given up;
// once it has everything it gets the time that a restore may take.
func RestoreSnapshot(ctx context.Context, c *Client, stall time.Duration, snapshot io.ReaderAt, size int64) (Answer[wire.Restored], error) {
	call := restoreRequest()
	var answer Answer[wire.Restored]
	err := c.try(ctx, call, func(node *url.URL) error {
		ctx, idle := newIdle(ctx, stall)
		defer idle.stop()
		addressed, err := call.to(ctx, node)
		if err != nil {
			return err
		}
		addressed.Header.Set("Content-Type", wire.TypeSnapshot)
		addressed.Header.Set("Expect", "100-continue") // a node that refuses should do so before it is sent everything
		addressed.ContentLength = size
		addressed.Body = io.NopCloser(&moving{from: io.NewSectionReader(snapshot, 0, size), moved: func(err error) error {
			idle.allow(stall)
			if err != nil {
				idle.allow(call.patience)
			}
			return err
		}})
		return c.send(node, call, addressed, func(response *http.Response) (err error) {
			answer, err = read[wire.Restored](ctx, node, call, response)
			return err
		})
	})
	return answer, err
}

// idle ends a context when nothing has moved for a while, with [fault.ErrTimeout] as the cause.
type idle struct {
	timer *time.Timer
	end   context.CancelCauseFunc
}

func newIdle(ctx context.Context, patience time.Duration) (context.Context, *idle) {
	ctx, end := context.WithCancelCause(ctx)
	return ctx, &idle{timer: time.AfterFunc(patience, func() { end(fault.ErrTimeout) }), end: end}
}

// allow begins another while.
func (i *idle) allow(patience time.Duration) { i.timer.Reset(patience) }

// suspend lets any time pass, until more is allowed.
func (i *idle) suspend() { i.timer.Stop() }

func (i *idle) stop() {
	i.timer.Stop()
	i.end(nil)
}

// moving tells of every Read that came back, and lets the error be worded.
type moving struct {
	from  io.Reader
	moved func(err error) error
}

func (m *moving) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	return n, m.moved(err)
}
