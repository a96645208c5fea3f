package cluster

import (
	"sync"

	"github.com/hashicorp/raft"
)

// drainedTransport is Raft's transport with pipelines that never get stuck.
//
// Where a follower refuses what a pipeline has sent, hashicorp/raft stops to take its answers, and only then looks whether it
// should send more. If it is just sending, the pipeline waits for its next answer to be taken, and the sender for the pipeline:
// the follower gets no entries any more from this leader, and a shutdown waits for ever. Here answers are always taken.
type drainedTransport struct{ *raft.NetworkTransport }

// AppendEntriesPipeline is called by Raft's goroutine for a follower.
func (t drainedTransport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	pipeline, err := t.NetworkTransport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	return drain(pipeline), nil
}

// drainedPipeline keeps the answers that Raft has not taken yet. There are few: Raft stops sending soon after it stops taking.
type drainedPipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	closed  chan struct{}
	once    sync.Once
}

func drain(pipeline raft.AppendPipeline) *drainedPipeline {
	p := &drainedPipeline{AppendPipeline: pipeline, answers: make(chan raft.AppendFuture), closed: make(chan struct{})}
	go p.pass() // until Raft closes the pipeline, which it does on all its ways
	return p
}

// pass passes answers on.
func (p *drainedPipeline) pass() {
	var waiting []raft.AppendFuture
	for {
		var to chan raft.AppendFuture // nil, and so never ready, while there is nothing to give
		var next raft.AppendFuture
		if len(waiting) > 0 {
			to, next = p.answers, waiting[0]
		}
		select {
		case answer := <-p.AppendPipeline.Consumer():
			waiting = append(waiting, answer)
		case to <- next:
			waiting = waiting[1:]
		case <-p.closed:
			return
		}
	}
}

// Consumer is where Raft takes the answers, in order.
func (p *drainedPipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close ends the pipeline.
func (p *drainedPipeline) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.AppendPipeline.Close()
}
