package probe_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func TestAConnectionThatOpensPasses(t *testing.T) {
	p := prober(t, probe.Config{})
	tcp := registry.Check{Type: registry.CheckTCP}
	address := listen(t, func(conn net.Conn) { _ = conn.Close() })
	expect(t, p, at(t, address, tcp), probe.Passed, "connected")
	expect(t, p, at(t, refused(t), tcp), probe.Failed, "connection refused")

	elsewhere := at(t, refused(t), tcp)
	elsewhere.Check.Port = at(t, address, tcp).Port
	expect(t, p, elsewhere, probe.Passed, "connected")
}

// Whatever an address is written like, nobody is dialled that may not be.
func TestNothingLeadsAroundTheGuard(t *testing.T) {
	var dialled atomic.Int32
	address := listen(t, func(conn net.Conn) { dialled.Add(1); _ = conn.Close() })
	_, port, _ := net.SplitHostPort(address)
	for _, guard := range []probe.Guard{{}, {Loopback: true, Own: own(address)}} {
		p := probe.New(probe.Config{Guard: guard})
		defer p.Close()
		for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
			for _, kind := range []registry.CheckType{registry.CheckHTTP, registry.CheckTCP, registry.CheckGRPC} {
				got := p.Probe(t.Context(), at(t, host+":"+port, registry.Check{Type: kind}))
				if got.Verdict != probe.Impossible && !(host == "localhost" && got.Verdict == probe.Failed) {
					t.Errorf("%s by %s: %+v", host, kind, got)
				}
			}
		}
		expect(t, p, at(t, "169.254.169.254:80", registry.Check{Type: registry.CheckHTTP}), probe.Impossible,
			"checks of 169.254.169.254:80 are forbidden: it is link-local (--check-allow would allow it)")
	}
	if n := dialled.Load(); n > 0 {
		t.Errorf("dialled %d times", n)
	}
}

// Where a redirect leads, nobody goes.
func TestARedirectIsAFailingAnswerAndNotFollowed(t *testing.T) {
	var dialled atomic.Int32
	inside := listen(t, func(conn net.Conn) { dialled.Add(1); _ = conn.Close() })
	p := prober(t, probe.Config{})
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+inside+"/", http.StatusFound)
	})
	expect(t, p, at(t, address, registry.Check{Type: registry.CheckHTTP}), probe.Failed, "302 Found, and redirects are not followed")
	expect(t, p, at(t, address, registry.Check{Type: registry.CheckHTTP, ExpectStatus: 302}), probe.Passed, "302 Found")
	if dialled.Load() > 0 {
		t.Error("the target of the redirect was dialled")
	}
}

func TestANameThatLeadsNowhereIsWeakEvidence(t *testing.T) {
	p := prober(t, probe.Config{Resolver: broken()})
	expect(t, p, at(t, "web.example:80", registry.Check{Type: registry.CheckTCP}), probe.Silent, "no name server says what web.example is")
}

// A check takes no longer than it may, whatever the other side does or does not.
func TestWhoIsSilentIsWaitedForNoLongerThanTheTimeout(t *testing.T) {
	held := make(chan net.Conn, 16)
	address := listen(t, func(conn net.Conn) { held <- conn })
	p := prober(t, probe.Config{})
	short := registry.Duration(50 * time.Millisecond)
	for _, c := range []registry.Check{
		{Type: registry.CheckHTTP, Timeout: short},
		{Type: registry.CheckHTTP, Timeout: short, TLS: true},
		{Type: registry.CheckGRPC, Timeout: short},
		{Type: registry.CheckGRPC, Timeout: short, TLS: true},
	} {
		began := time.Now()
		expect(t, p, at(t, address, c), probe.Silent, "no answer within 50ms")
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
	}
	for range len(held) {
		_ = (<-held).Close()
	}
}

func TestWhatIsBrokenOffIsNoEvidence(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	address := serve(t, func(http.ResponseWriter, *http.Request) { cancel(); <-release })
	defer close(release)
	patient := registry.Check{Type: registry.CheckHTTP, Interval: registry.Duration(time.Minute), Timeout: registry.Duration(time.Minute)}
	began := time.Now()
	got := prober(t, probe.Config{}).Probe(ctx, at(t, address, patient))
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if got.Verdict != probe.Impossible || !strings.Contains(got.Output, "broken off") {
		t.Errorf("%+v", got)
	}
}

func TestAVerdictThatNobodyGaveIsNoEvidence(t *testing.T) {
	var none probe.Verdict
	if none != probe.Impossible || none.Good() || none.Bad() {
		t.Errorf("%s", none)
	}
	for v, word := range map[probe.Verdict]string{probe.Impossible: "impossible", probe.Passed: "passed", probe.Warned: "warned",
		probe.Failed: "failed", probe.Silent: "silent"} {
		if v.String() != word {
			t.Errorf("%s, not %s", v, word)
		}
	}
}
