package testcluster_test

import (
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// A socket sends and receives datagrams, and fails the test for what goes wrong.
type socket struct {
	*net.UDPConn
}

// listenUDP is a target.
func listenUDP(t *testing.T) *socket {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &socket{c}
}

// dialUDP is a client of addr.
func dialUDP(t *testing.T, addr string) *socket {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &socket{c.(*net.UDPConn)}
}

func (s *socket) send(t *testing.T, data string) {
	t.Helper()
	if _, err := s.Write([]byte(data)); err != nil {
		t.Fatalf("send %q: %v", data, err)
	}
}

// receive waits for a datagram, and tells where it came from.
func (s *socket) receive(t *testing.T) (data string, from *net.UDPAddr) {
	t.Helper()
	data, from, err := s.read(patience)
	if err != nil {
		t.Fatalf("no datagram came: %v", err)
	}
	return data, from
}

func (s *socket) expect(t *testing.T, want string) {
	t.Helper()
	if got, _ := s.receive(t); got != want {
		t.Fatalf("received %q, want %q", got, want)
	}
}

func (s *socket) expectNothing(t *testing.T) {
	t.Helper()
	if got, _, err := s.read(moment); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("received %q and %v where nothing should arrive", got, err)
	}
}

func (s *socket) read(patience time.Duration) (string, *net.UDPAddr, error) {
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", nil, err
	}
	buf := make([]byte, 1<<16)
	n, from, err := s.ReadFromUDP(buf)
	return string(buf[:n]), from, err
}

func TestDatagramsAreAnsweredToWhoAsked(t *testing.T) {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	one, other := dialUDP(t, p.Addr()), dialUDP(t, p.Addr())

	for client, name := range map[*socket]string{one: "one", other: "other"} {
		client.send(t, name)
		got, from := target.receive(t)
		if got != name {
			t.Fatalf("the target received %q, want %q", got, name)
		}
		if _, err := target.WriteTo([]byte("hello "+name), from); err != nil {
			t.Fatal(err)
		}
		client.expect(t, "hello "+name)
	}
	want := testcluster.Traffic{Datagrams: 2}
	for _, d := range []testcluster.Direction{testcluster.ToTarget, testcluster.FromTarget} {
		if got := p.Traffic(d); got != want {
			t.Errorf("counted %+v in direction %d, want %+v", got, d, want)
		}
	}
}

func TestLostDatagramsNeverArrive(t *testing.T) {
	faults := map[string]func(*testcluster.Proxy){
		"loss":       func(p *testcluster.Proxy) { p.Lose(testcluster.ToTarget, 1) },
		"cut":        func(p *testcluster.Proxy) { p.Cut() },
		"black hole": func(p *testcluster.Proxy) { p.BlackHole(testcluster.ToTarget) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			target := listenUDP(t)
			p := startProxy(t, target.LocalAddr().String())
			client := dialUDP(t, p.Addr())

			fault(p)
			client.send(t, "lost")
			eventually(t, "the datagram is lost", func() bool { return p.Traffic(testcluster.ToTarget).Lost == 1 })
			p.Heal()
			client.send(t, "found")
			target.expect(t, "found")
		})
	}
}

func TestLossAndDuplicationAreTheSameForTheSameSeed(t *testing.T) {
	first := fates(t, 7)
	if again := fates(t, 7); !slices.Equal(again, first) {
		t.Errorf("the seed 7 had the fates %v, and then %v", first, again)
	}
	if other := fates(t, 8); slices.Equal(other, first) {
		t.Error("the seeds 7 and 8 have the same fates")
	}
	for copies := range 3 {
		if !slices.Contains(first, copies) {
			t.Errorf("no datagram of %d arrived %d times", len(first), copies)
		}
	}
}

// fates tells how often each of some datagrams arrives through a bad network.
func fates(t *testing.T, seed uint64) []int {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	client := dialUDP(t, p.Addr())
	p.Seed(seed)
	p.Lose(testcluster.ToTarget, 0.3)
	p.Duplicate(testcluster.ToTarget, 0.3)

	const datagrams = 64
	for i := range datagrams {
		before := p.Traffic(testcluster.ToTarget)
		client.send(t, strconv.Itoa(i))
		eventually(t, "the datagram's fate", func() bool { return p.Traffic(testcluster.ToTarget) != before })
	}
	p.Heal()
	client.send(t, "end")

	arrived := make([]int, datagrams)
	for {
		data, _ := target.receive(t)
		if data == "end" {
			return arrived
		}
		i, err := strconv.Atoi(data)
		if err != nil {
			t.Fatal(err)
		}
		arrived[i]++
	}
}

func TestADuplicatedDatagramArrivesTwice(t *testing.T) {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	p.Duplicate(testcluster.ToTarget, 1)
	dialUDP(t, p.Addr()).send(t, "again")
	target.expect(t, "again")
	target.expect(t, "again")
	target.expectNothing(t)
}

func TestADelayedDatagramArrivesLate(t *testing.T) {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	const delay = 80 * time.Millisecond
	p.Delay(testcluster.ToTarget, delay, delay)
	begin := time.Now()
	dialUDP(t, p.Addr()).send(t, "late")
	target.expect(t, "late")
	if took := time.Since(begin); took < delay {
		t.Errorf("it took %s, want at least %s", took, delay)
	}
}

func TestStalledDatagramsArriveInTheEnd(t *testing.T) {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	p.Stall(testcluster.ToTarget)
	client := dialUDP(t, p.Addr())
	sent := []string{"held 1", "held 2", "held 3"}
	for _, data := range sent {
		client.send(t, data)
	}
	target.expectNothing(t)
	p.Heal()
	var got []string
	for range sent {
		data, _ := target.receive(t)
		got = append(got, data)
	}
	if slices.Sort(got); !slices.Equal(got, sent) {
		t.Errorf("received %q, want %q in any order", got, sent)
	}
}

func TestACapSlowsDatagrams(t *testing.T) {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	p.Bandwidth(testcluster.ToTarget, 10_000)
	client := dialUDP(t, p.Addr())
	data := string(make([]byte, 500))
	begin := time.Now()
	for range 5 {
		client.send(t, data)
	}
	for range 5 {
		target.expect(t, data)
	}
	// The first goes at once, each of the others 50 ms after the one before.
	if took, want := time.Since(begin), 200*time.Millisecond; took < want {
		t.Errorf("it took %s, want at least %s", took, want)
	}
}

func TestDatagramsSurviveATargetThatWasNotThere(t *testing.T) {
	target := listenUDP(t)
	addr := target.LocalAddr().String()
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, addr)
	client := dialUDP(t, p.Addr())
	client.send(t, "nobody")
	client.send(t, "nobody")
	eventually(t, "the datagrams have gone", func() bool { return p.Traffic(testcluster.ToTarget).Datagrams == 2 })

	back := listenUDP(t)
	p.Retarget(back.LocalAddr().String())
	client.send(t, "somebody")
	back.expect(t, "somebody")
}

func TestCloseDropsHeldDatagrams(t *testing.T) {
	target := listenUDP(t)
	p := startProxy(t, target.LocalAddr().String())
	p.Delay(testcluster.Both, time.Hour, 0)
	client := dialUDP(t, p.Addr())
	for range 10 {
		client.send(t, "held")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	target.expectNothing(t)
}
