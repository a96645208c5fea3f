package mesh

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
)

// TestConnectionsOfAnInstanceThatIsGoneEndWithItsLastCall has connections that net/http does not count as idle: as one over
// HTTP/2 is whose last stream was cancelled just now, or one that comes from a dial which nobody waits for any more.
func TestConnectionsOfAnInstanceThatIsGoneEndWithItsLastCall(t *testing.T) {
	peers := make(chan net.Conn, 2)
	pools := newPools(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		peers <- there
		return here, nil
	}})
	p := pools.use(endpoint{"payments", "10.0.0.1", 80})
	if _, err := p.transport.DialContext(t.Context(), "tcp", ""); err != nil {
		t.Fatal(err)
	}
	brief, err := p.transport.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	_ = brief.Close()
	if n := len(p.open.all); n != 1 {
		t.Errorf("%d connections are open", n)
	}
	pools.keep("payments", nil)
	if n := len(p.open.all); n != 1 {
		t.Errorf("%d connections are open while a call uses one", n)
	}
	p.answered()
	p.release()
	if _, err := (<-peers).Read(make([]byte, 1)); err == nil {
		t.Error("the connection was not closed")
	}
	if _, err := p.transport.DialContext(t.Context(), "tcp", ""); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a dial that comes too late: %v", err)
	}
}
