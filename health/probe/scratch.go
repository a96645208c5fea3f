package probe

import (
	"bufio"
	"io"
	"sync"
)

// scratch is what an answer is read into.
type scratch struct {
	limit io.LimitedReader
	in    *bufio.Reader
	body  [maxBody]byte
}

// scratchPool lends out what is needed only while a question is under way, so that a connection that is kept costs no buffers.
type scratchPool struct{ pool sync.Pool }

func (p *scratchPool) get(from io.Reader) *scratch {
	s, ok := p.pool.Get().(*scratch)
	if !ok {
		s = &scratch{}
		s.in = bufio.NewReader(&s.limit)
	}
	s.limit = io.LimitedReader{R: from, N: maxAnswer}
	s.in.Reset(&s.limit)
	return s
}

func (p *scratchPool) put(s *scratch) {
	s.limit.R = nil
	p.pool.Put(s)
}
