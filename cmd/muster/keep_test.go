package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Heartbeat answers as a leader does that holds the same state.
func (m *memory) Heartbeat(_ context.Context, beats []wire.Heartbeat) (wire.Renewal, error) {
	var r wire.Renewal
	for _, beat := range beats {
		name := wire.InstanceName{Service: beat.Service, ID: beat.ID}
		i, err := m.State().Instance(beat.Service, beat.ID)
		switch {
		case err != nil:
			r.Missing = append(r.Missing, name)
			continue
		case beat.Digest != "" && beat.Digest != record.Digest(i):
			r.Differs = append(r.Differs, name)
		}
		r.Renewed++
	}
	return r, nil
}

// output is what a command has written so far, while it still runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// begin runs a command line that stays. end lets it come to an end, and returns its exit status.
func begin(t *testing.T, addr string, args ...string) (stdout, stderr *output, end func() int) {
	t.Helper()
	stdout, stderr = &output{}, &output{}
	p := program{stdout: stdout, stderr: stderr, environ: func() []string { return []string{"MUSTER_ADDR=" + addr} }}
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	go func() { status <- p.run(ctx, args) }()
	t.Cleanup(cancel)
	return stdout, stderr, func() int {
		cancel()
		select {
		case s := <-status:
			return s
		case <-time.After(20 * time.Second):
			t.Fatalf("%v does not end; stderr: %s", args, stderr)
			return -1
		}
	}
}

// find asks for an instance, which may be nil.
func find(t *testing.T, addr, service, id string) *registry.Instance {
	t.Helper()
	client, err := api.New(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	found, err := api.Do(t.Context(), client, api.Discover(service, api.Query{Status: api.StatusAny}))
	if err != nil {
		return nil
	}
	for _, i := range found.Body.Instances {
		if i.ID == id {
			return i
		}
	}
	return nil
}

func eventuallyTrue(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestARegistrationThatIsKeptComesBackAndGoesAtTheEnd(t *testing.T) {
	addr := serveMemory(t)
	stdout, stderr, end := begin(t, addr, "register", "payments", "--address", "10.0.0.7", "--port", "8080", "--id", "p1", "--ttl", "1s", "--keep")
	eventuallyTrue(t, "it is registered", func() bool { return strings.Contains(stdout.String(), "registered payments p1") })

	runAt(t, addr, "deregister", "payments", "p1").want(t, exitDone, "deregistered payments p1 (index 2)\n")
	eventuallyTrue(t, "it comes back", func() bool { return find(t, addr, "payments", "p1") != nil })

	runAt(t, addr, "register", "payments", "--address", "10.0.0.8", "--port", "1", "--id", "p1").want(t, exitDone, "updated payments p1 at 10.0.0.8:1: healthy (index 4)\n")
	eventuallyTrue(t, "its own document comes back", func() bool { return find(t, addr, "payments", "p1").Port == 8080 })

	if status := end(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	for _, words := range []string{"the registry did not know it any more", "the registry held another document", "deregistered payments p1"} {
		if !strings.Contains(stderr.String(), words) {
			t.Errorf("stderr does not say %q: %s", words, stderr)
		}
	}
	if find(t, addr, "payments", "p1") != nil {
		t.Error("it is still registered")
	}
}

func TestWhatIsKeptNeedsALease(t *testing.T) {
	runAt(t, "127.0.0.1:1", "register", "payments", "--address", "10.0.0.7", "--port", "80", "--keep").fails(t, exitUsage, "--keep needs --ttl")
	runAt(t, "127.0.0.1:1", "register", "payments", "--address", "10.0.0.7", "--port", "80", "--deregister-after", "1m").
		fails(t, exitUsage, "--deregister-after needs --ttl")
}

func TestAProgramIsRegisteredWhileItRunsAndItsStatusIsPassedOn(t *testing.T) {
	addr := serveMemory(t)
	stop := t.TempDir() + "/stop"
	stdout, stderr, end := begin(t, addr, "run", "web", "--port", "8000", "--id", "w1", "--ttl", "1s", "--",
		"sh", "-c", `echo began; while [ ! -e "$0" ]; do sleep 0.05; done; exit 7`, stop)
	eventuallyTrue(t, "it is registered", func() bool { return find(t, addr, "web", "w1") != nil })
	if i := find(t, addr, "web", "w1"); i.Address != "127.0.0.1" || i.Lease == nil {
		t.Errorf("registered at %s with the lease %v", i.Address, i.Lease)
	}
	if stdout.String() != "began\n" {
		t.Errorf("stdout is %q, and belongs to the program", stdout)
	}
	if err := os.WriteFile(stop, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventuallyTrue(t, "it is deregistered", func() bool { return find(t, addr, "web", "w1") == nil })
	if status := end(); status != 7 {
		t.Errorf("exit status %d; stderr: %s", status, stderr)
	}
}

// The registry is no reason for a program not to run.
func TestAProgramRunsWithoutTheRegistryToo(t *testing.T) {
	stdout, stderr := &output{}, &output{} // both the program's and this one's: for two writers at once
	p := program{stdout: stdout, stderr: stderr, environ: func() []string { return []string{"MUSTER_ADDR=http://127.0.0.1:1"} }}
	status := p.run(t.Context(), []string{"run", "web", "--port", "8000", "--", "sh", "-c", "echo did; sleep 0.5; exit 3"})
	if status != 3 || stdout.String() != "did\n" || !strings.Contains(stderr.String(), "goes on trying") {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func TestAProgramThatASignalEndedHasTheStatusOfShells(t *testing.T) {
	runAt(t, serveMemory(t), "run", "web", "--port", "8000", "--", "sh", "-c", "kill -9 $$").want(t, 137, "")
}

func TestAProgramThatIsNotThere(t *testing.T) {
	runAt(t, serveMemory(t), "run", "web", "--port", "8000", "--", "/no/such/program").fails(t, exitFailed, "/no/such/program")
	for _, args := range [][]string{{"run", "web", "--port", "80"}, {"run", "web", "--port", "80", "--"}, {"run", "web", "sh", "--port", "80"}} {
		runAt(t, "127.0.0.1:1", args...).fails(t, exitUsage, "two dashes")
	}
	runAt(t, "127.0.0.1:1", "run", "--port", "80", "--", "sh").fails(t, exitUsage, "SERVICE")
	runAt(t, "127.0.0.1:1", "run", "web", "--", "sh").fails(t, exitUsage, "--port")
}

// A node that fails for a while: it is told once that it does, and once that it does not any more.
func TestUpkeepTellsOfTroubleOnceAndOfItsEnd(t *testing.T) {
	addr := serveMemory(t)
	var mu sync.Mutex
	broken := false
	front := serveFront(t, addr, func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		return broken && r.URL.Path == wire.PathHeartbeats
	})
	stdout, stderr, end := begin(t, front, "register", "payments", "--address", "10.0.0.7", "--port", "8080", "--ttl", "1s", "--keep")
	eventuallyTrue(t, "it is registered", func() bool { return stdout.String() != "" })
	set := func(to bool) {
		mu.Lock()
		defer mu.Unlock()
		broken = to
	}
	set(true)
	eventuallyTrue(t, "it tells of trouble", func() bool { return strings.Contains(stderr.String(), "goes on trying") })
	time.Sleep(500 * time.Millisecond) // several tries
	set(false)
	eventuallyTrue(t, "it tells of the end", func() bool { return strings.Contains(stderr.String(), "get through") })
	end()
	if n := strings.Count(stderr.String(), "goes on trying"); n != 1 {
		t.Errorf("it told %d times of trouble: %s", n, stderr)
	}
}

// serveFront passes calls on to a node, but for those that it fails.
func serveFront(t *testing.T, node string, fails func(*http.Request) bool) string {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails(r) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"code": "no_leader", "status": 503, "title": "No leader"}`)
			return
		}
		pass(t, w, r, node)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// pass passes a call on to a node, and its answer back.
func pass(t *testing.T, w http.ResponseWriter, r *http.Request, node string) {
	t.Helper()
	passed, err := http.NewRequestWithContext(r.Context(), r.Method, node+r.URL.RequestURI(), r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	passed.Header = r.Header
	response, err := http.DefaultClient.Do(passed)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// serveSlow passes calls on to a node. Registrations take a while, and are passed on although their callers have gone.
func serveSlow(t *testing.T, node string) string {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodPut || r.Method == http.MethodPost {
			time.Sleep(300 * time.Millisecond)
		}
		again := r.WithContext(context.WithoutCancel(r.Context()))
		again.Body = io.NopCloser(bytes.NewReader(body))
		pass(t, w, again, node)
	}))
	t.Cleanup(front.Close) // it waits for what is under way
	return front.URL
}

// Nobody would send its heartbeats any more.
func TestAProgramThatEndsWhileItIsRegisteredDoesNotStayRegistered(t *testing.T) {
	addr := serveMemory(t)
	front := serveSlow(t, addr)
	for _, args := range [][]string{{}, {"--id", "w1"}} {
		args = append(append([]string{"run", "web", "--port", "8000"}, args...), "--", "true")
		runAt(t, front, args...).want(t, exitDone, "")
		time.Sleep(500 * time.Millisecond) // in which a registration that was cut off would come through
		for _, id := range []string{"w1", "127.0.0.1:8000"} {
			if find(t, addr, "web", id) != nil {
				t.Errorf("%v: %s is registered for ever", args, id)
			}
		}
	}
}

func TestARegistrationThatIsKeptAndInterruptedDoesNotStay(t *testing.T) {
	addr := serveMemory(t)
	_, _, end := begin(t, serveSlow(t, addr), "register", "payments", "--address", "10.0.0.7", "--port", "8080", "--ttl", "1s", "--keep")
	time.Sleep(100 * time.Millisecond) // the registration is under way
	end()
	time.Sleep(500 * time.Millisecond)
	if find(t, addr, "payments", "10.0.0.7:8080") != nil {
		t.Error("it is registered for ever")
	}
}

// As when the terminal is closed in which it runs.
func TestARegistrationThatIsKeptGoesWhenItsTerminalDoes(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("NOT RUN: these tests run under nohup")
	}
	addr := serveMemory(t)
	stdout, stderr, end := begin(t, addr, "register", "payments", "--address", "10.0.0.7", "--port", "8080", "--id", "p1", "--ttl", "1s", "--keep")
	eventuallyTrue(t, "it is registered", func() bool { return stdout.String() != "" })
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventuallyTrue(t, "it is deregistered", func() bool { return strings.Contains(stderr.String(), "deregistered payments p1") })
	if status := end(); status != exitDone || find(t, addr, "payments", "p1") != nil {
		t.Errorf("status %d, and it may be registered still", status)
	}
}

func TestAProgramIgnoresWhatThisOneWasToldToIgnore(t *testing.T) {
	signal.Ignore(syscall.SIGHUP) // as nohup does
	defer signal.Reset(syscall.SIGHUP)
	runAt(t, serveMemory(t), "run", "web", "--port", "8000", "--", "sh", "-c", "kill -HUP $$; exit 5").want(t, 5, "")
}

func TestAProgramThatEndsIsDeregisteredAlthoughOneNodeIsFrozen(t *testing.T) {
	addr := serveMemory(t)
	frozen := serveFront(t, addr, func(r *http.Request) bool {
		if r.Method == http.MethodDelete {
			<-r.Context().Done()
		}
		return r.Method == http.MethodDelete
	})
	runAt(t, frozen+","+addr, "run", "web", "--port", "8000", "--id", "w1", "--", "sleep", "0.5").want(t, exitDone, "")
	if find(t, addr, "web", "w1") != nil {
		t.Error("it is still registered")
	}
}
