package onlooker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/musterhq/muster/internal/wire"
)

// Onlooker watches one service by way of one node, under a name.
type Onlooker struct {
	Name string

	client    *http.Client
	base      string
	id        string // of the watch, for confirmations
	leave     context.CancelFunc
	left      chan struct{}
	frozen    atomic.Bool
	applied   atomic.Uint64
	confirmed atomic.Uint64
}

// Watch begins to watch a service from a position, 0 being the beginning, by way of the node at a base URL. It returns at once;
// that the watch is under way is seen by what is [Onlooker.Confirmed].
func (c *Crowd) Watch(base, service, name string, position uint64) *Onlooker {
	ctx, leave := context.WithCancel(context.Background()) // it ends with Leave
	o := &Onlooker{Name: name, client: c.client, base: base, leave: leave, left: make(chan struct{})}
	query := url.Values{wire.ParamService: {service}, wire.ParamAck: {name}}
	if position > 0 {
		query.Set(wire.ParamIndex, strconv.FormatUint(position, 10))
	}
	c.t.Cleanup(o.Leave)
	go func() {
		defer close(o.left)
		if err := o.look(ctx, query); err != nil && ctx.Err() == nil {
			c.t.Logf("%s watches no more: %v", name, err)
		}
	}()
	return o
}

// Applied is the index up to which the onlooker has read everything, and is about to confirm it.
func (o *Onlooker) Applied() uint64 { return o.applied.Load() }

// Confirmed is the index up to which the onlooker has confirmed everything, and knows that the node has taken note.
func (o *Onlooker) Confirmed() uint64 { return o.confirmed.Load() }

// Freeze makes the onlooker read and confirm nothing more, while its connection stays.
func (o *Onlooker) Freeze() { o.frozen.Store(true) }

// Leave breaks the connection off and returns when that is done.
func (o *Onlooker) Leave() {
	o.leave()
	<-o.left
}

func (o *Onlooker) look(ctx context.Context, query url.Values) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.base+wire.PathWatch+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", wire.TypeNDJSON)
	response, err := o.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read for as long as it was wanted
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		if o.frozen.Load() {
			<-ctx.Done()
			return nil
		}
		if err := o.take(ctx, line); err != nil {
			return err
		}
	}
}

// take confirms an event, or learns from it how to.
func (o *Onlooker) take(ctx context.Context, line []byte) error {
	var e wire.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("%w in %q", err, line)
	}
	if e.Event == wire.EventHello {
		var hello wire.Hello
		err := json.Unmarshal(e.Data, &hello)
		o.id = hello.Watch
		return err
	}
	if e.ID == nil {
		return nil
	}
	o.applied.Store(*e.ID)
	return o.confirm(ctx, *e.ID)
}

func (o *Onlooker) confirm(ctx context.Context, index uint64) error {
	body, err := json.Marshal(wire.Acknowledgement{Index: &index})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.base+wire.PathAcknowledgement(o.id), bytes.NewReader(body))
	if err != nil {
		return err
	}
	// It may be sent again, as a connection may end just when it is used again: to net/http this header says so.
	request.Header.Set("X-Idempotency-Key", o.id)
	response, err := o.client.Do(request)
	if err != nil {
		return err
	}
	said, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // all of it was read
	if err == nil && response.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("confirming %d is answered %s: %s", index, response.Status, said)
	}
	if err == nil {
		o.confirmed.Store(index)
	}
	return err
}
