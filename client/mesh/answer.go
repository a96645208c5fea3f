package mesh

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// answer is the body of a response. The try that it belongs to ends with it, not when RoundTrip returns: a context that
// is cancelled any sooner cuts the body off.
type answer struct {
	io.ReadCloser
	try *try
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	switch err {
	case nil:
	case io.EOF:
		a.try.end(nil)
	default:
		a.try.end(err)
	}
	return n, err
}

func (a *answer) Close() error {
	err := a.ReadCloser.Close()
	a.try.end(nil)
	return err
}

// upgraded is the body of a 101, which is a connection: it can be written, also when there is nothing more to read.
type upgraded struct {
	io.ReadWriteCloser
	try *try
}

func (u *upgraded) Close() error {
	err := u.ReadWriteCloser.Close()
	u.try.end(nil)
	return err
}

// attach makes t end with the response's body; at once, where it has none.
func (t *try) attach(r *http.Response) {
	switch connection, writable := r.Body.(io.ReadWriteCloser); {
	case r.Body == http.NoBody:
		t.end(nil)
	case writable:
		r.Body = &upgraded{connection, t}
	default:
		r.Body = &answer{r.Body, t}
	}
}

// What is done, at most, for the answer of a try that is followed by another.
const (
	setAside     = 4 << 10
	setAsideTime = 100 * time.Millisecond
)

// setBodyAside takes a short body into memory, so that its connection is free for others, and the try over, while the
// call goes on. What is longer or comes slowly stays as it is, or as far as it has come.
func (t *try) setBodyAside(r *http.Response) {
	if r.Body == http.NoBody || r.ContentLength < 0 || r.ContentLength > setAside {
		return
	}
	late := time.AfterFunc(setAsideTime, func() { t.cancel(errTryTimeout) })
	defer late.Stop()
	read, err := io.ReadAll(r.Body)
	body := io.Reader(bytes.NewReader(read))
	if err != nil {
		body = io.MultiReader(body, failing{err})
	}
	r.Body.Close()
	r.Body = io.NopCloser(body)
}

// failing is a reader that has nothing but its error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
