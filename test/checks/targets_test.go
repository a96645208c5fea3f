package checks

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// beTargets is the first argument of a process that is targets; the others are where to listen.
const beTargets = "targets"

// targets are a process that answers checks: /health well, and /toggle well in every other second.
type targets struct {
	command   *exec.Cmd
	listening chan struct{} // closed when it does

	mu    sync.Mutex
	asked []question // in order
}

// question is one that a target was asked.
type question struct {
	at       time.Time
	from, to string // addresses of the node and the target
}

// startTargets starts a process on a site and returns when it listens. ":80" listens on all of its addresses.
func startTargets(t testing.TB, site *testcluster.Site, listen ...string) *targets {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	of := &targets{listening: make(chan struct{}), command: site.Command(t.Context(), self, append([]string{beTargets}, listen...)...)}
	of.command.Stderr = os.Stderr
	said, err := of.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := of.command.Start(); err != nil {
		t.Fatal(err)
	}
	var hearing sync.WaitGroup
	hearing.Go(func() { of.listen(said) })
	t.Cleanup(func() {
		of.kill()
		hearing.Wait()
		_ = of.command.Wait()
	})
	select {
	case <-of.listening:
	case <-time.After(20 * time.Second):
		t.Fatalf("targets do not listen at %s", listen)
	}
	return of
}

// kill ends the process as kill -9 does.
func (of *targets) kill() { _ = of.command.Process.Kill() }

// listen takes in what the process says that it was asked.
func (of *targets) listen(said io.Reader) {
	for lines := bufio.NewScanner(said); lines.Scan(); {
		var q question
		var at int64
		if lines.Text() == listening {
			close(of.listening)
			continue
		}
		if _, err := fmt.Sscan(lines.Text(), &at, &q.from, &q.to); err != nil {
			continue
		}
		q.at = time.Unix(0, at)
		of.mu.Lock()
		of.asked = append(of.asked, q)
		of.mu.Unlock()
	}
}

// since are the questions asked since a moment.
func (of *targets) since(when time.Time) (asked []question) {
	of.mu.Lock()
	defer of.mu.Unlock()
	for _, q := range of.asked {
		if q.at.After(when) {
			asked = append(asked, q)
		}
	}
	return asked
}

// listening is what the process says first.
const listening = "listening"

// serveTargets is what the process does. It says on out, a line each, when it was asked by whom and where.
func serveTargets(out io.Writer, listen []string) error {
	failed := make(chan error)
	var mu sync.Mutex
	said := bufio.NewWriterSize(out, 64<<10)
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			mu.Lock()
			err := said.Flush()
			mu.Unlock()
			if err != nil {
				failed <- err
			}
		}
	}()
	answer := func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if r.URL.Path == "/toggle" && now.Unix()%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(said, now.UnixNano(), hostOf(r.RemoteAddr), hostOf(local.String()))
	}
	for _, at := range listen {
		listener, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: time.Minute}
		go func() { failed <- server.Serve(listener) }()
	}
	mu.Lock()
	_, _ = fmt.Fprintln(said, listening)
	mu.Unlock()
	return <-failed
}

func hostOf(address string) string { return address[:strings.LastIndexByte(address, ':')] }
