package mesh

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// errBodyTaken is what an abandoned try reads when the body has gone to another.
var errBodyTaken = errors.New("mesh: the body was taken back from this try")

// body gives each try of a call a request body of its own. What a later try gets is either new, from GetBody, or the
// original, if none of it has been read: no body is ever kept in memory, and none is sent from its middle.
type body struct {
	again func() (io.ReadCloser, error) // GetBody; nil where there is none

	mu       sync.Mutex
	original io.ReadCloser // nil once it is closed, or where there is none
	lent     *loan         // the last one of the original
	read     bool          // something of the original was asked for
	broken   bool          // the original failed: nobody but the caller is to blame
	over     bool          // no further try will come
	empty    bool
}

func newBody(req *http.Request) *body {
	if req.Body == nil || req.Body == http.NoBody {
		return &body{empty: true}
	}
	return &body{original: req.Body, again: req.GetBody}
}

// replays tells whether tries may run side by side, each with a body.
func (b *body) replays() bool { return b.empty || b.again != nil }

// hasNext tells whether a try that follows the last one would get a body.
func (b *body) hasNext() bool {
	if b.replays() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.read
}

// next returns the body for the next try, or tells that there is none.
func (b *body) next() (r io.ReadCloser, ok bool) {
	if b.empty {
		return http.NoBody, true
	}
	b.mu.Lock()
	first := b.lent == nil
	if first || b.again == nil && !b.read {
		defer b.mu.Unlock()
		if !first {
			b.lent.ended = true // its try is over, and can't have any more
		}
		b.lent = &loan{body: b}
		return b.lent, b.original != nil
	}
	b.mu.Unlock()
	if b.again == nil {
		return nil, false
	}
	r, err := b.again()
	return r, err == nil
}

// broke tells whether the caller's body failed.
func (b *body) broke() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

// end says that no further try will come. The original is closed as soon as nobody reads it.
func (b *body) end() {
	if b.empty {
		return
	}
	b.mu.Lock()
	b.over = true
	var c io.Closer
	if b.lent == nil || b.lent.ended {
		c = b.takeOriginal()
	}
	b.mu.Unlock()
	closeIfAny(c)
}

// takeOriginal returns the original for closing, once. The caller holds the mutex.
func (b *body) takeOriginal() io.Closer {
	if b.original == nil {
		return nil
	}
	c := b.original
	b.original = nil
	return c
}

func closeIfAny(c io.Closer) {
	if c != nil {
		_ = c.Close() // of what was only read
	}
}

// loan is the original body in the hands of one try. The transport below closes it when the try needs it no more, which
// closes the original only where no other try could have it.
type loan struct {
	body  *body
	ended bool // under the body's mutex
}

func (l *loan) Read(p []byte) (int, error) {
	b := l.body
	b.mu.Lock()
	if l.ended || b.original == nil {
		b.mu.Unlock()
		return 0, errBodyTaken
	}
	b.read = true
	original := b.original
	b.mu.Unlock()
	n, err := original.Read(p)
	if err != nil && err != io.EOF {
		b.mu.Lock()
		b.broken = !l.ended // else it was closed because the try had failed
		b.mu.Unlock()
	}
	return n, err
}

func (l *loan) Close() error {
	b := l.body
	b.mu.Lock()
	var c io.Closer
	if !l.ended {
		l.ended = true
		if b.read || b.over || b.again != nil {
			c = b.takeOriginal()
		}
	}
	b.mu.Unlock()
	closeIfAny(c)
	return nil
}
