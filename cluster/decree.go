package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// decreePatience is how long a request that only the leader can carry out waits for one, as long as a write does.
const decreePatience = 7 * time.Second

// decree is how a request to the leader ended, on its way back to the node that it came to.
type decree struct {
	Leader  string `json:"leader,omitempty"`  // the label of the node that leads now
	Node    Server `json:"node,omitzero"`     // that it was about
	Fault   string `json:"fault,omitempty"`   // by name; empty where all went well
	Detail  string `json:"detail,omitempty"`  // of the fault
	Unknown bool   `json:"unknown,omitempty"` // whether it was carried out
}

// decreeFaults are the faults that a request can end with, by the names that they have between nodes.
func decreeFaults() map[string]error {
	return map[string]error{
		"node_not_found": fault.ErrNodeNotFound,
		"conflict":       fault.ErrConflict,
		"no_leader":      fault.ErrNoLeader,
		"overloaded":     fault.ErrOverloaded,
		"timeout":        fault.ErrTimeout,
	}
}

// failed puts an error into words for the way back.
func failed(err error) decree {
	d := decree{Fault: "internal", Detail: err.Error(), Unknown: fault.IsUnknown(err)}
	if inner := errors.Unwrap(err); d.Unknown && inner != nil {
		d.Detail = inner.Error() // what marks it as unknown is said on the other side
	}
	for name, sentinel := range decreeFaults() {
		if errors.Is(err, sentinel) {
			d.Fault = name
		}
	}
	return d
}

// err is the error that came this way.
func (d decree) err() error {
	if d.Fault == "" {
		return nil
	}
	err := error(passedOn{d.Detail, decreeFaults()[d.Fault]})
	if d.Unknown {
		err = fault.Unknown(err)
	}
	return err
}

// passedOn is an error of another node: its words, and the fault that it is.
type passedOn struct {
	text string
	is   error
}

func (p passedOn) Error() string { return p.text }
func (p passedOn) Unwrap() error { return p.is }

// atLeader has the leader carry out a request, here or by one call to another node, and waits for a leader if there is none.
func (m *Member) atLeader(ctx context.Context, call string, request any) (decree, error) {
	b, err := json.Marshal(request)
	if err != nil {
		return decree{}, err
	}
	patience := time.After(decreePatience)
	for {
		leader, changed := m.Leader()
		d, err := m.put(ctx, leader, call, b)
		if !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrUnreachable) {
			return d, err
		}
		select {
		case <-changed:
		case <-time.After(retryPause):
		case <-patience:
			return decree{}, fmt.Errorf("%w: %s", fault.ErrNoLeader, m.Electorate())
		case <-ctx.Done():
			return decree{}, fmt.Errorf("%w: %s", fault.ErrTimeout, m.Electorate())
		}
	}
}

// put puts a request to the node that is said to lead.
func (m *Member) put(ctx context.Context, leader, call string, request []byte) (decree, error) {
	var answer []byte
	var err error
	switch leader {
	case "":
		err = ErrNotLeader
	case m.RaftID():
		answer, err = m.peers.handlers[call](ctx, request)
	default:
		answer, err = m.Call(ctx, leader, call, request)
	}
	switch {
	case errors.Is(err, ErrNotLeader), errors.Is(err, ErrUnreachable):
		return decree{}, err
	case err != nil: // it was sent, and no answer came
		return decree{}, fault.Unknown(fmt.Errorf("%w: %w", fault.ErrNoLeader, err))
	}
	var d decree
	if err := json.Unmarshal(answer, &d); err != nil {
		return decree{}, fault.Unknown(err)
	}
	return d, d.err()
}

// answered is what a handler of a request says: the end of it, or that this node does not lead.
func answerDecree(d decree, err error) ([]byte, error) {
	if errors.Is(err, ErrNotLeader) {
		return nil, err
	}
	if err != nil {
		d = failed(err)
	}
	return json.Marshal(d)
}
