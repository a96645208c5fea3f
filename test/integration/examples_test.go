package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/examples/spans"
	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/testcluster"
)

// example is a program of the folder examples that runs.
type example struct {
	t       *testing.T
	command *exec.Cmd
	out     bytes.Buffer // spans
	log     syncBuffer
	ended   func() error
}

// buildExample builds a program and returns its path.
func buildExample(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../examples/"+name).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, output)
	}
	return path
}

func startExample(t *testing.T, path string, args ...string) *example {
	t.Helper()
	e := &example{t: t, command: exec.CommandContext(context.Background(), path, args...)} // stop ends it
	e.command.Stdout, e.command.Stderr = &e.out, &e.log
	e.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := e.command.Start(); err != nil {
		t.Fatal(err)
	}
	e.ended = sync.OnceValue(e.command.Wait)
	t.Cleanup(func() {
		_ = e.command.Process.Kill()
		_ = e.ended()
	})
	return e
}

// stop asks the program to end, and returns the spans that it has written.
func (e *example) stop() (written []spans.Span) {
	e.t.Helper()
	_ = e.command.Process.Signal(syscall.SIGTERM) // one that is gone already has failed, as is seen next
	if err := e.ended(); err != nil {
		e.t.Fatalf("%s: %v\n%s", e.command, err, e.log.String())
	}
	for line := range bytes.Lines(e.out.Bytes()) {
		var s spans.Span
		if err := json.Unmarshal(line, &s); err != nil {
			e.t.Fatalf("%s writes %q: %v", e.command, line, err)
		}
		written = append(written, s)
	}
	return written
}

// awaitLog waits until the program has said something.
func (e *example) awaitLog(text string) {
	e.t.Helper()
	eventually.Succeeds(e.t, 30*time.Second, func() error {
		if log := e.log.String(); !strings.Contains(log, text) {
			return fmt.Errorf("%s has not said %q, but %s", e.command, text, log)
		}
		return nil
	})
}

// syncBuffer can be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The shop charges by the name of payments, whose instances come and go meanwhile: every customer is served, and each trace
// goes through both.
func TestTheShopSellsWhilePaymentsComeAndGo(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	var addresses []string
	for _, p := range c.Nodes {
		addresses = append(addresses, p.HTTP)
	}
	muster := "-muster=" + strings.Join(addresses, ",")
	paymentsPath, shopPath := buildExample(t, "payments"), buildExample(t, "shop")
	at := testcluster.FreeAddress(t)
	shop := startExample(t, shopPath, muster, "-listen="+at)
	pay := func() *example { return startExample(t, paymentsPath, muster) }
	older := pay()
	awaitShop(t, at)

	var charged []spans.Span
	sellers := map[string]bool{}
	const generations = 3
	for range generations {
		younger := pay()
		younger.awaitLog("payments serves")
		for n := range 20 {
			if n == 10 {
				charged = append(charged, older.stop()...)
			}
			buy(t, at, sellers)
		}
		older = younger
	}
	bought := shop.stop()
	charged = append(charged, older.stop()...)
	if len(sellers) < generations {
		t.Errorf("%d instances of payments were paid, where %d followed each other", len(sellers), generations+1)
	}
	requireWholeTraces(t, bought, charged)
}

// awaitShop buys until somebody is there to be paid.
func awaitShop(t *testing.T, at string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Do(ctx, http.MethodPost, "http://"+at+"/buy", "")
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// buy buys something, and notes who was paid.
func buy(t *testing.T, at string, sellers map[string]bool) {
	t.Helper()
	answer, err := testcluster.Do(t.Context(), http.MethodPost, "http://"+at+"/buy", "")
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("a customer was not served: %d %s %v", answer.Status, answer.Body, err)
	}
	var receipt struct {
		By string `json:"charged_by"`
	}
	if err := answer.Decode(&receipt); err != nil {
		t.Fatal(err)
	}
	sellers[receipt.By] = true
}

// requireWholeTraces looks for a span of payments below each call of the shop that got there, and for the customer's above.
func requireWholeTraces(t *testing.T, shop, payments []spans.Span) {
	t.Helper()
	byID := map[string]spans.Span{}
	for _, s := range shop {
		byID[s.ID] = s
	}
	for _, served := range payments {
		called, ok := byID[served.Parent]
		if !ok || called.Trace != served.Trace || called.Kind != "client" || served.Kind != "server" {
			t.Fatalf("payments served %+v,\nwhich was not called: %+v", served, called)
		}
		asked, ok := byID[called.Parent]
		if !ok || asked.Trace != called.Trace || asked.Kind != "server" {
			t.Fatalf("the shop called %+v,\nfor nobody: %+v", called, asked)
		}
		if called.Attributes["server.address"] != "payments" || called.Attributes["network.peer.port"] == "" {
			t.Fatalf("the call %+v\ndoes not say by which name, or where it went", called)
		}
	}
	if len(payments) < 40 {
		t.Errorf("only %d spans of payments", len(payments))
	}
	t.Logf("%d traces go through both: %s %s of the shop, %s of the shop, %s of payments", len(payments),
		shop[1].Kind, shop[1].Name, shop[0].Name, payments[0].Name)
}
