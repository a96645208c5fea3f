package cluster

import (
	"testing"
	"testing/synctest"

	"github.com/hashicorp/raft"
)

// stuckPipeline is one of hashicorp/raft's that has answers, and sends nothing more until they are taken.
type stuckPipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	closed  bool
}

func (p *stuckPipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

func (p *stuckPipeline) Close() error {
	p.closed = true
	return nil
}

// numbered is an answer of a follower.
type numbered struct {
	raft.AppendFuture
	number int
}

func TestAPipelineGoesOnWhereRaftTakesNoAnswersAndGivesThemInOrderLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &stuckPipeline{answers: make(chan raft.AppendFuture)}
		p := drain(inner)
		for number := range 3 {
			inner.answers <- numbered{number: number} // would wait for ever
		}
		for want := range 2 {
			if got := (<-p.Consumer()).(numbered).number; got != want {
				t.Errorf("the answer %d comes when it is the turn of %d", got, want)
			}
		}
		for range 2 {
			if err := p.Close(); err != nil { // with an answer that nobody wants any more
				t.Error(err)
			}
		}
		if !inner.closed {
			t.Error("the pipeline below is still open")
		}
	})
}
