package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxBody is how much of a body is read, and looked at for what is expected.
	maxBody = 4 << 10

	// maxAnswer is how much of an answer is read in all: heads and what is around the body are bounded by it.
	maxAnswer = 64 << 10

	// maxInterim is how many answers before the answer (1xx) are read over.
	maxInterim = 8
)

// longAgo is a deadline that is over.
var longAgo = time.Unix(1, 0)

// askHTTP sends the check's request by a deadline and judges the answer. A redirect is an answer like any other, and nobody
// goes where it leads.
//
// A connection that was kept may be broken without anybody's knowing: where it ends before a byte of the answer has come,
// the question is put anew on another. Where nothing comes at all it is not known whether the connection is at fault, and the
// verdict is [Silent]; the next question gets a new connection then.
func (p *Prober) askHTTP(ctx context.Context, t *Target, by time.Time) (Result, error) {
	conn := p.kept.take(t)
	if conn != nil && conn.request.of.SameDefinition(t.Check) {
		r, err := p.exchange(ctx, conn, t, by)
		if !errors.Is(err, errIdle) {
			return r, err
		}
	} else if conn != nil {
		_ = conn.Close() // that of another question
	}
	asked, problem := p.request(t)
	if problem != "" {
		return impossible(problem), nil
	}
	dialled, err := p.dial(ctx, t, by, "http/1.1")
	if err != nil {
		return Result{}, err
	}
	return p.exchange(ctx, newConnection(dialled, asked), t, by)
}

// errIdle is that of a connection which ended before a byte of the answer came, though it was not waited for to the end.
var errIdle = errors.New("the connection was closed while it was idle")

// exchange sends the request and judges the answer to it. The connection is kept or closed afterwards. Its deadline costs
// less than one of ctx would, and nearly every question is put on a connection that there is already.
func (p *Prober) exchange(ctx context.Context, conn *connection, t *Target, by time.Time) (Result, error) {
	_ = conn.SetDeadline(by) // A connection that has none any more fails at once.
	unhurried := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(longAgo) })
	s := p.lent.get(conn)
	r, whole, err := s.roundTrip(conn, t)
	p.lent.put(s)
	if fits := whole && err == nil && reusable(t); unhurried() && fits {
		_ = conn.SetDeadline(time.Time{}) // or it would wake the process up for nothing
		p.kept.put(t, conn)
	} else {
		_ = conn.Close()
	}
	return r, err
}

// roundTrip sends the request and reads and judges the answer. Whole says that nothing more is to come on the connection,
// and the other side will leave it open.
func (s *scratch) roundTrip(conn *connection, t *Target) (r Result, whole bool, err error) {
	if _, err = conn.Write(conn.request.written); err == nil {
		_, err = s.in.Peek(1)
	}
	if err != nil {
		if conn.answered && !timedOut(err) {
			err = errIdle
		}
		return Result{}, false, err
	}
	answer, err := s.answer(conn.request.head) //nolint:bodyclose // closing it would read on to its end; the connection is closed or known to be whole
	if err != nil {
		return s.illegible(err)
	}
	r = judgeStatus(answer.StatusCode, t.Check.ExpectStatus)
	if !r.Verdict.Good() || answer.StatusCode == http.StatusSwitchingProtocols {
		return r, false, nil
	}
	n, err := fill(s.body[:], answer.Body)
	if err != nil && !errors.Is(err, io.EOF) {
		return s.illegible(err)
	}
	if !bytes.Contains(s.body[:n], []byte(t.Check.ExpectBody)) {
		r = failed(fmt.Sprintf("%s, but the text that is expected is not in the first %d bytes of the body", r.Output, maxBody))
	}
	return r, err != nil && !answer.Close && s.in.Buffered() == 0, nil
}

// answer reads the head of the answer, and over those of interim ones.
func (s *scratch) answer(req *http.Request) (*http.Response, error) {
	for range maxInterim {
		answer, err := http.ReadResponse(s.in, req)
		if err != nil || answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, err
		}
	}
	return nil, errors.New("one interim answer after the other")
}

// illegible judges an answer that began and could not be read to its end. What could not be read is not told: it need not be
// HTTP that speaks there, nor meant for the eyes of whoever has registered the address.
func (s *scratch) illegible(err error) (Result, bool, error) {
	if _, ok := errors.AsType[net.Error](err); ok {
		return Result{}, false, err // of the way, a time-out among them
	}
	if s.limit.N <= 0 {
		return failed(fmt.Sprintf("the head of the answer is longer than %d KiB", maxAnswer>>10)), false, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return failed("the answer broke off"), false, nil
	}
	return failed("the answer is not HTTP"), false, nil
}

// fill reads until the buffer is full, and then looks whether that was all: the error is io.EOF then.
func fill(b []byte, from io.Reader) (n int, err error) {
	for n < len(b) {
		var more int
		if more, err = from.Read(b[n:]); err != nil {
			return n + more, err
		}
		n += more
	}
	return n, nil
}

// judgeStatus judges the code of an answer by the one that is expected, 0 for any that says that all is well.
func judgeStatus(code, expected int) Result {
	is := strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
	switch {
	case code == expected, expected == 0 && code >= 200 && code <= 299:
		return passed(is)
	case code == http.StatusTooManyRequests:
		return warned(is)
	case code >= 300 && code <= 399:
		return failed(is + ", and redirects are not followed")
	case expected != 0:
		return failed(fmt.Sprintf("%s, not %d", is, expected))
	default:
		return failed(is)
	}
}
