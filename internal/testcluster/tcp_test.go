package testcluster_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

func TestAHealthyProxyCarriesBothWays(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	client.send(t, "ping")
	server.expect(t, "ping")
	server.send(t, "pong!")
	client.expect(t, "pong!")

	if there, back := p.Traffic(testcluster.ToTarget), p.Traffic(testcluster.FromTarget); there.Bytes != 4 || back.Bytes != 5 {
		t.Errorf("counted %d bytes there and %d back, want 4 and 5", there.Bytes, back.Bytes)
	}
}

func TestMuchDataArrivesWholeAndInOrder(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	p.Delay(testcluster.Both, time.Millisecond, 5*time.Millisecond)
	client, server := pair(t, p, target)

	sent := bytes.Repeat([]byte("0123456789abcdef"), 128<<10)
	go func() {
		_, _ = client.Write(sent)
		_ = client.CloseWrite()
	}()
	got, err := server.readEnd(t)
	if err != nil || got != string(sent) {
		t.Fatalf("of %d bytes %d arrived, with %v", len(sent), len(got), err)
	}
}

func TestAHalfClosedConnectionStillAnswers(t *testing.T) {
	target := listenTCP(t)
	client, server := pair(t, startProxy(t, target.Addr().String()), target)

	client.send(t, "question")
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := server.readEnd(t); got != "question" || err != nil {
		t.Fatalf("the target read %q and %v", got, err)
	}
	server.send(t, "answer")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := client.readEnd(t); got != "answer" || err != nil {
		t.Fatalf("the client read %q and %v", got, err)
	}
}

func TestAResetGoesThroughAsAReset(t *testing.T) {
	target := listenTCP(t)
	client, server := pair(t, startProxy(t, target.Addr().String()), target)
	if err := errors.Join(client.SetLinger(0), client.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := server.readEnd(t); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("the target saw %v, want a reset", err)
	}
}

func TestADeadTargetResetsTheClient(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	expectRefusal(t, p)
}

func TestACutResetsOldAndNewConnectionsUntilItHeals(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	p.Cut()
	for name, side := range map[string]*conn{"client": client, "target": server} {
		if _, err := side.readEnd(t); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the %s saw %v, want a reset", name, err)
		}
	}
	expectRefusal(t, p)

	p.Heal()
	client, server = pair(t, p, target)
	client.send(t, "back")
	server.expect(t, "back")
}

func TestABlackHoleSwallowsOneWayAndTellsNobody(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	p.BlackHole(testcluster.ToTarget)
	client.send(t, "lost?")
	server.send(t, "the other way is open")
	client.expect(t, "the other way is open")
	server.expectNothing(t)
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	server.expectNothing(t) // the end doesn't get there either

	p.Heal()
	if got, err := server.readEnd(t); got != "lost?" || err != nil {
		t.Fatalf("after it healed the target read %q and %v", got, err)
	}
}

func TestABlackHoleAcceptsNewConnectionsThatReachNobody(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	p.BlackHole(testcluster.Both)

	client := dial(t, p.Addr())
	client.send(t, "hello?")
	client.expectNothing(t)
	if len(target.conns) != 0 {
		t.Fatal("the connection reached the target")
	}
	p.Heal()
	target.accept(t).expect(t, "hello?")
}

func TestADeathBehindABlackHoleIsNotNoticed(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	var clients, servers []*conn
	for range 16 { // several, since reading and writing race for the news of a reset
		client, server := pair(t, p, target)
		clients, servers = append(clients, client), append(servers, server)
	}

	p.BlackHole(testcluster.ToTarget)
	for i, client := range clients {
		if err := errors.Join(client.SetLinger(0), client.Close()); err != nil {
			t.Fatal(err)
		}
		servers[i].send(t, "are you there?") // to somebody who would reset it, if a reset could get here
	}
	servers[0].expectNothing(t)

	p.Heal()
	for _, server := range servers {
		if _, err := server.readEnd(t); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the target saw %v, want a reset", err)
		}
	}
}

func TestAStalledConnectionGoesOnWhereItStopped(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	p.Stall(testcluster.FromTarget)
	server.send(t, "one ")
	client.expectNothing(t)
	server.send(t, "two")
	client.send(t, "open")
	server.expect(t, "open")

	p.Heal()
	client.expect(t, "one two")
}

func TestAStalledConnectionPushesBack(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, _ := pair(t, p, target)

	p.Stall(testcluster.Both)
	if err := client.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	stuck := make(chan error, 1)
	go func() {
		_, err := io.Copy(client, endless{})
		stuck <- err
	}()
	// Nothing reads: what stops the writer is the cut alone, or its deadline.
	select {
	case err := <-stuck:
		t.Fatalf("the writer stopped with %v", err)
	case <-time.After(moment):
	}
	p.Cut()
	select {
	case err := <-stuck:
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the writer waited for its deadline: the cut didn't reach it")
		}
	case <-time.After(patience):
		t.Fatal("the writer never stopped")
	}
	if p.Traffic(testcluster.ToTarget).Bytes != 0 {
		t.Error("bytes went through a stalled way")
	}
}

func TestADelayHoldsEachWayByItself(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	const delay = 80 * time.Millisecond
	p.Delay(testcluster.ToTarget, delay, 0)
	begin := time.Now()
	client.send(t, "late")
	server.expect(t, "late")
	if took := time.Since(begin); took < delay {
		t.Errorf("it took %s, want at least %s", took, delay)
	}
}

func TestADelayEndsWhenItHeals(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	p.Delay(testcluster.Both, time.Hour, time.Hour)
	client.send(t, "in two hours")
	server.expectNothing(t)
	p.Heal()
	server.expect(t, "in two hours")
}

func TestACapSlowsAndIsSharedByAllConnections(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	oneClient, oneServer := pair(t, p, target)
	otherClient, otherServer := pair(t, p, target)

	const rate, each = 100_000, 10_000
	p.Bandwidth(testcluster.ToTarget, rate)
	begin := time.Now()
	data := strings.Repeat("x", each)
	oneClient.send(t, data)
	otherClient.send(t, data)
	oneServer.expect(t, data)
	otherServer.expect(t, data)
	// The first slice goes at once, so a fiftieth of a second less than 2*each/rate.
	if took, want := time.Since(begin), 180*time.Millisecond; took < want {
		t.Errorf("%d bytes took %s at %d bytes a second, want at least %s", 2*each, took, rate, want)
	}
}

func TestACapEndsWhenItHeals(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	p.Bandwidth(testcluster.ToTarget, 1)
	data := strings.Repeat("x", 10_000) // hours of it
	client.send(t, data)
	server.expect(t, "x")
	p.Heal()
	server.expect(t, data[1:])
}

func TestACutAfterSomeBytesLetsNoMoreThrough(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	client.send(t, "before")
	server.expect(t, "before")
	p.CutAfter(testcluster.ToTarget, 5)
	client.send(t, "01")
	server.expect(t, "01")
	client.send(t, "23456789")
	got, err := server.readEnd(t)
	if len(got) > 3 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the target read %q and %v, want no more than 234 and a reset", got, err)
	}
	if bytes := p.Traffic(testcluster.ToTarget).Bytes; bytes != int64(len("before")+5) {
		t.Errorf("%d bytes went through", bytes)
	}
	expectRefusal(t, p)
}

func TestABlackHoleAfterSomeBytesLeavesAHalfOpenConnection(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	client, server := pair(t, p, target)

	p.BlackHoleAfter(testcluster.FromTarget, 4)
	server.send(t, "snapshot")
	client.expect(t, "snap")
	client.expectNothing(t)
	client.send(t, "still there?")
	server.expectNothing(t)

	p.Heal()
	client.expect(t, "shot")
	server.expect(t, "still there?")
}

func TestATargetMayComeBackElsewhere(t *testing.T) {
	p := startProxy(t, "")
	expectRefusal(t, p)

	target := listenTCP(t)
	p.Retarget(target.Addr().String())
	client, server := pair(t, p, target)
	client.send(t, "found")
	server.expect(t, "found")
}

func TestCloseEndsWhateverHangs(t *testing.T) {
	target := listenTCP(t)
	p := startProxy(t, target.Addr().String())
	held, _ := pair(t, p, target)
	p.Stall(testcluster.Both)
	held.send(t, "held")
	dialling := dial(t, p.Addr())

	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*conn{held, dialling} {
		if _, err := c.readEnd(t); err == nil {
			t.Error("a connection ended as if it were done")
		}
	}
}

// endless is something to send for ever.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// expectRefusal sees a new connection fail, which may be while dialling or at the first read.
func expectRefusal(t *testing.T, p *testcluster.Proxy) {
	t.Helper()
	c, err := net.DialTimeout("tcp", p.Addr(), patience)
	if err == nil {
		_, err = newConn(t, c).readEnd(t)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a new connection saw %v, want a reset", err)
	}
}
