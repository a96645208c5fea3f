package main

import (
	"context"
	"time"

	"github.com/musterhq/muster/internal/node"
)

// stopWithin is how long a node may take to hand over its leadership and to answer what is in flight.
const stopWithin = 20 * time.Second

// runningNode is what the commands need of a node that they started; see package node.
type runningNode interface {
	HTTPAddr() string
	GossipAddr() string
	Ready() error
	Failed() <-chan error
	Close(ctx context.Context) error
}

// nodeFailure says that a running node can't go on. It is not stopped in good order any more, since what it would still
// say may be wrong; the process ends.
type nodeFailure struct {
	label string // empty where there is but one
	err   error
}

func (f *nodeFailure) Error() string {
	if f.label == "" {
		return "the node can't go on: " + f.err.Error()
	}
	return "node " + f.label + " can't go on: " + f.err.Error()
}

func (f *nodeFailure) Unwrap() error { return f.err }

// startFunc starts a node and returns once it serves.
type startFunc func(ctx context.Context, c node.Config) (runningNode, error)

// startNode starts a real one.
func startNode(ctx context.Context, c node.Config) (runningNode, error) {
	n, err := node.Start(ctx, c)
	if err != nil {
		return nil, err // And not a runningNode that holds a nil.
	}
	return n, nil
}

// unlessStopped is the error with which something ended before it had begun. Where a signal came in between there is
// none: that is what was wanted.
func unlessStopped(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// stop closes a node in an orderly way, although ctx is at its end.
func stop(ctx context.Context, n runningNode) error {
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return n.Close(closing)
}
