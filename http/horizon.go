package http

import "context"

// foreign tells whether an index that the node has not applied belongs to another history than the cluster's, since the log
// does not go so far. Where it is the cluster's own, foreign returns once the node has applied it. Without a leader it waits
// for one: a node that is cut off can't know which of the two it is.
//
// To take an index for foreign that is not does no harm, since whoever came with it begins anew.
func (a *api) foreign(ctx context.Context, index uint64) (bool, error) {
	reached := false // the log went as far as the index already the last time
	for a.node.State().Index() < index {
		if err := a.node.Sound(); err != nil {
			return false, err
		}
		horizon, err := a.ask(ctx, a.node.Horizon)
		if err == nil && horizon < index {
			return true, nil
		}
		if err == nil && reached {
			// An entry that is Raft's own makes no state, and so no index that anyone was given.
			if shown, err := a.ask(ctx, a.node.ReadIndex); err == nil && shown < index {
				return true, nil
			}
		}
		reached = err == nil
		pause, cancel := context.WithTimeout(ctx, horizonPause)
		_ = a.node.Await(pause, index) // the loop looks how it ended
		cancel()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return false, nil
}

// ask puts a question to the cluster, for as long as one may take.
func (a *api) ask(ctx context.Context, question func(context.Context) (uint64, error)) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return question(ctx)
}
