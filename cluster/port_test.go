package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// openTestPort opens a port without sockets, for a node of the given cluster. In a bubble of synctest, whatever it leaves
// running fails the test.
func openTestPort(t *testing.T, clusterID string) (*port, *pipes) {
	t.Helper()
	network := newPipes()
	return openPortOn(t, network, "here:1", clusterID), network
}

// openPortOn opens the port of the node called v.
func openPortOn(t *testing.T, network Network, at, clusterID string) *port {
	t.Helper()
	p, err := openPort(t.Context(), network, at, "v", func() string { return clusterID }, new(notebook).log())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// requireClosed waits until the other side closes the connection.
func requireClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is not closed: %v", err)
	}
}

func TestARaftConnectionMustBeOfTheSameCluster(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ours, theirs, meant string
		taken                     bool
	}{
		{"the same", "A", "A", "v", true},
		{"another", "A", "B", "v", false},
		{"none, as of a node whose disk was wiped", "A", "", "v", false},
		{"before this node has one", "", "A", "v", false},
		{"where none has one", "", "", "v", false},
		{"the same, for a node that lived here before", "A", "A", "w", false},
		{"the same, for anybody", "A", "A", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, network := openTestPort(t, c.ours)
				defer p.close()
				conn := dial(t, network, "here:1")
				if _, err := conn.Write(preamble(c.theirs, c.meant)); err != nil {
					t.Fatal(err)
				}
				if !c.taken {
					requireClosed(t, conn)
					return
				}
				taken, err := p.raft.Accept()
				if err != nil {
					t.Fatal(err)
				}
				go conn.Write([]byte("hello")) //nolint:errcheck // the other end reads it
				hello := make([]byte, 5)
				if _, err := io.ReadFull(taken, hello); err != nil || string(hello) != "hello" {
					t.Errorf("behind the preamble came %q, %v", hello, err)
				}
			})
		})
	}
}

func TestRaftAndCallsShareThePort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, network := openTestPort(t, "A")
		defer p.close()
		served := newPeers(network, p.raftID, p.clusterID, p.log)
		served.handle("echo", func(_ context.Context, b []byte) ([]byte, error) { return b, nil })
		go served.serve(p.rpc) //nolint:errcheck // it ends with the port
		defer served.close(t.Context())

		conn, err := raftStream{connQueue: p.raft, port: p}.Dial(Server{RaftID: "v", Peer: "here:1"}.address(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := p.raft.Accept(); err != nil {
			t.Errorf("Raft's connection: %v", err)
		}
		answer, err := served.call(t.Context(), "here:1", "echo", []byte("hello"))
		if err != nil || string(answer) != "hello" {
			t.Errorf("the call: %q, %v", answer, err)
		}
		served.client.CloseIdleConnections()
	})
}

func TestAConnectionThatSaysNothingIsDroppedAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{"nothing": "", "half a preamble": string(raftPreamble) + "\x1aABC"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, network := openTestPort(t, "A")
				defer p.close()
				began := time.Now()
				silent := dial(t, network, "here:1")
				if _, err := io.WriteString(silent, said); err != nil {
					t.Fatal(err)
				}

				talking := dial(t, network, "here:1")
				if _, err := talking.Write(preamble("A", "v")); err != nil {
					t.Fatal(err)
				}
				if _, err := p.raft.Accept(); err != nil {
					t.Fatal(err)
				}
				if time.Since(began) > 0 {
					t.Errorf("it had to wait for %v", time.Since(began))
				}

				requireClosed(t, silent)
				if took := time.Since(began); took != preambleTimeout {
					t.Errorf("the silent connection was closed after %v", took)
				}
			})
		})
	}
}

func TestARaftConnectionMayBeSilentForLongAfterItsPreamble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, network := openTestPort(t, "A")
		defer p.close()
		conn := dial(t, network, "here:1")
		if _, err := conn.Write(preamble("A", "v")); err != nil {
			t.Fatal(err)
		}
		taken, err := p.raft.Accept()
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(24*time.Hour, func() { _, _ = conn.Write([]byte("x")) })
		if _, err := taken.Read(make([]byte, 1)); err != nil {
			t.Errorf("after a day: %v", err)
		}
	})
}

// In the bubble the test itself would fail if anything were left running.
func TestClosingThePortLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, network := openTestPort(t, "A")
		served := newPeers(p.connections, p.raftID, p.clusterID, p.log)
		serving := make(chan error, 1)
		go func() { serving <- served.serve(p.rpc) }()

		var open []net.Conn
		for _, said := range []string{"", "R", "R\x01", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n"} {
			conn := dial(t, network, "here:1")
			_, _ = io.WriteString(conn, said) // of what is no HTTP/2, not all is read
			go io.Copy(io.Discard, conn)      //nolint:errcheck // until the other end closes
			open = append(open, conn)
		}
		waiting := dial(t, network, "here:1") // for Raft, which never accepts
		if _, err := waiting.Write(preamble("A", "v")); err != nil {
			t.Fatal(err)
		}
		if _, err := p.connections.Dial(t.Context(), "here:1"); err != nil { // and one that this node opened and forgot
			t.Fatal(err)
		}
		synctest.Wait()

		began := time.Now()
		if err := served.close(t.Context()); err != nil {
			t.Error(err)
		}
		p.close()
		if err := <-serving; err != nil {
			t.Errorf("serving ended with %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		requireClosed(t, waiting)
		if _, err := p.connections.Dial(t.Context(), "here:1"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a connection can still be opened: %v", err)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
	})
}

func TestAPortForgetsTheConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, network := openTestPort(t, "A")
		defer p.close()
		for range 10 {
			_ = dial(t, network, "here:1").Close()
		}
		synctest.Wait()
		p.connections.mu.Lock()
		defer p.connections.mu.Unlock()
		if n := len(p.connections.open); n > 0 {
			t.Errorf("%d connections are remembered", n)
		}
	})
}

// lostPackets is a network on which nobody answers.
type lostPackets struct{ *pipes }

func (lostPackets) Dial(ctx context.Context, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestClosingThePortEndsAttemptsToReachOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openPortOn(t, lostPackets{newPipes()}, "here:1", "A")
		ended := make(chan error, 1)
		go func() {
			_, err := raftStream{connQueue: p.raft, port: p}.Dial("there:1", time.Hour)
			ended <- err
		}()
		synctest.Wait()
		p.close()
		if err := <-ended; err == nil {
			t.Error("somebody answered")
		}
	})
}

// brokenListener fails a few times before it works.
type brokenListener struct {
	net.Listener
	failures int
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

type brokenNetwork struct{ *pipes }

func (n brokenNetwork) Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := n.pipes.Listen(ctx, address)
	return &brokenListener{Listener: l, failures: 3}, err
}

func TestAPortOutlivesAShortageOfFileDescriptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := brokenNetwork{newPipes()}
		notes := &notebook{}
		p, err := openPort(t.Context(), network, "here:1", "v", func() string { return "A" }, notes.log())
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		conn := dial(t, network, "here:1")
		if _, err := conn.Write(preamble("A", "v")); err != nil {
			t.Fatal(err)
		}
		if _, err := p.raft.Accept(); err != nil {
			t.Error(err)
		}
		if n := len(notes.with("could not be accepted")); n != 3 {
			t.Errorf("%d complaints", n)
		}
	})
}
