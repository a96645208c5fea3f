package mesh

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// upload is the request body of one try, and closed when the try's context ends. Over HTTP/1, net/http waits for a Read that
// it has begun even when the connection is gone or the context has ended, so that a caller whose body does not come would
// wait for ever. Its Close makes such a Read return, as [net/http.Request] demands of a body.
type upload struct {
	io.ReadCloser
	unbind  func() bool
	reading atomic.Bool
	cut     atomic.Bool // closed while it was read
	once    sync.Once   // a body need not bear a second Close
	err     error
}

// uploadUntil is an upload that is closed with ctx at the latest.
func uploadUntil(ctx context.Context, body io.ReadCloser) *upload {
	u := &upload{ReadCloser: body}
	u.unbind = context.AfterFunc(ctx, func() { _ = u.close() }) // of what was only read
	return u
}

func (u *upload) Read(p []byte) (int, error) {
	u.reading.Store(true)
	defer u.reading.Store(false)
	return u.ReadCloser.Read(p)
}

func (u *upload) Close() error {
	u.unbind()
	return u.close()
}

func (u *upload) close() error {
	u.once.Do(func() {
		u.cut.Store(u.reading.Load())
		u.err = u.ReadCloser.Close()
	})
	return u.err
}

// waiting tells, of a try whose context has ended, whether the caller had yet to bring more of the body.
func (u *upload) waiting() bool { return u != nil && (u.cut.Load() || u.reading.Load()) }
