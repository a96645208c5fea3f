package health

import (
	"container/heap"
	"time"
)

// notScheduled is the place of a round that does not wait in the schedule.
const notScheduled = -1

// schedule holds the rounds by the time at which they are to be asked. It costs nothing while nothing is due.
type schedule struct{ rounds dueRounds }

// put has a round wait for a time.
func (s *schedule) put(r *round, at time.Duration) {
	r.at = at
	if r.place == notScheduled {
		heap.Push(&s.rounds, r)
	} else {
		heap.Fix(&s.rounds, r.place)
	}
}

// take takes a round out, should it be waiting here.
func (s *schedule) take(r *round) {
	if r.place != notScheduled {
		heap.Remove(&s.rounds, r.place)
	}
}

// first is the round that is to be asked before all others, nil where there is none.
func (s *schedule) first() *round {
	if len(s.rounds) == 0 {
		return nil
	}
	return s.rounds[0]
}

// dueRounds is a heap.
type dueRounds []*round

func (d dueRounds) Len() int           { return len(d) }
func (d dueRounds) Less(i, j int) bool { return d[i].at < d[j].at }

func (d dueRounds) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}

// Push appends x, which is a *round.
func (d *dueRounds) Push(x any) {
	r := x.(*round)
	r.place = len(*d)
	*d = append(*d, r)
}

// Pop removes the last.
func (d *dueRounds) Pop() any {
	last := len(*d) - 1
	r := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	r.place = notScheduled
	return r
}
