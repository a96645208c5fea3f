package health

// lane is a way to be asked. Those that were slow to answer last time have one of their own, so that whoever does not answer
// at all keeps nobody waiting but his like.
type lane uint8

const (
	quick lane = iota
	slow
)

// lanes are the rounds that wait to be asked, each behind those that came before it, and how many are being asked.
type lanes struct {
	atOnce int // how many may be asked at the same time in all
	queues [2]queue
	asked  [2]int
}

// limit is how many of a lane may be asked at the same time. Whatever the other one does, a quarter of all is left to the slow
// ones, and half to the others.
func (l *lanes) limit(of lane) int {
	if of == slow {
		return max(l.atOnce/2, 1)
	}
	return max(l.atOnce-l.atOnce/4, 1)
}

// put has a round wait for its turn.
func (l *lanes) put(r *round) { l.queues[r.lane].put(r) }

// next takes out a round whose turn has come, nil where there is none. It is being asked from now on, until done.
func (l *lanes) next() *round {
	for _, from := range []lane{quick, slow} {
		if l.asked[from] >= l.limit(from) || l.asked[quick]+l.asked[slow] >= l.atOnce {
			continue
		}
		if r := l.queues[from].take(); r != nil {
			l.asked[from]++
			return r
		}
	}
	return nil
}

// done says that a round of the lane is being asked no more.
func (l *lanes) done(of lane) { l.asked[of]-- }

// waiting is how many wait, those that are gone included.
func (l *lanes) waiting() int { return l.queues[quick].length + l.queues[slow].length }

// queue is first in, first out.
type queue struct {
	first, last *round
	length      int
}

func (q *queue) put(r *round) {
	if q.last == nil {
		q.first = r
	} else {
		q.last.after = r
	}
	q.last = r
	q.length++
}

// take takes out the first that is not gone.
func (q *queue) take() *round {
	for q.first != nil {
		r := q.first
		q.first, r.after = r.after, nil
		if q.first == nil {
			q.last = nil
		}
		q.length--
		if !r.gone {
			return r
		}
	}
	return nil
}
