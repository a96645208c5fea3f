package testcluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is one muster server as a process of its own, which a test may kill, freeze and start again. Its methods are for
// one goroutine at a time.
type Process struct {
	Name    string
	HTTP    string // the base URL of its API
	Gossip  string
	DataDir string

	t       testing.TB
	args    []string
	prefix  []string // the command that runs the program, if any
	overlay string   // that the program is built with; empty: as it is
	clock   string   // the file with its clock, if it has one of its own
	logPath string
	log     *os.File
	frozen  bool
	command *exec.Cmd     // nil while it does not run
	exited  chan struct{} // closed when the process has ended, and waitErr is set
	waitErr error
}

// Processes is a cluster of real processes.
type Processes struct {
	Nodes []*Process
	t     testing.TB
}

// StartProcesses starts n servers that form a cluster, with further flags for each of them, and returns when all of them
// are ready. The end of the test kills them; where it failed, their logs stay and are named.
func StartProcesses(t testing.TB, n int, flags ...string) *Processes {
	t.Helper()
	dir := keepOnFailure(t)
	var data []string
	for i := range n {
		data = append(data, filepath.Join(dir, fmt.Sprintf("n%d", i+1)))
	}
	return startProcesses(t, dir, data, flags)
}

// StartProcessesIn is [StartProcesses] with a data directory of the test's own for each node.
func StartProcessesIn(t testing.TB, data []string, flags ...string) *Processes {
	t.Helper()
	return startProcesses(t, keepOnFailure(t), data, flags)
}

func startProcesses(t testing.TB, logs string, data, flags []string) *Processes {
	t.Helper()
	c := &Processes{t: t}
	var gossip []string
	for range data {
		gossip = append(gossip, FreeAddress(t))
	}
	for i := range data {
		c.Nodes = append(c.Nodes, newProcess(t, logs, data[i], fmt.Sprintf("n%d", i+1), gossip[i],
			append([]string{"--join", strings.Join(gossip, ","), "--bootstrap-expect", fmt.Sprint(len(data))}, flags...)))
	}
	for _, p := range c.Nodes {
		p.Start()
	}
	c.AwaitReady()
	return c
}

// StartProcess starts one server with the flags and does not wait for anything.
func StartProcess(t testing.TB, flags ...string) *Process {
	t.Helper()
	dir := keepOnFailure(t)
	p := newProcess(t, dir, filepath.Join(dir, "n1"), "n1", FreeAddress(t), flags)
	p.Start()
	return p
}

// keepOnFailure is a directory that goes with the test, unless the test failed.
func keepOnFailure(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "muster-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("data directories and logs are kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// addresses are where a server listens.
type addresses struct{ http, peer, gossip string }

func newProcess(t testing.TB, logs, data, name, gossip string, flags []string) *Process {
	t.Helper()
	return newProcessAt(t, logs, data, name, addresses{FreeAddress(t), FreeAddress(t), gossip}, flags)
}

func newProcessAt(t testing.TB, logs, data, name string, at addresses, flags []string) *Process {
	t.Helper()
	p := &Process{Name: name, HTTP: "http://" + at.http, Gossip: at.gossip, DataDir: data, t: t, logPath: filepath.Join(logs, name+".log")}
	p.args = append([]string{
		"server", "--node-id", name, "--data-dir", p.DataDir,
		"--http-addr", at.http, "--peer-addr", at.peer, "--gossip-addr", at.gossip,
	}, flags...)
	var err error
	if p.log, err = os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		_ = p.log.Close()
		p.requireNoRaces()
	})
	return p
}

// Start starts the process, which must not run.
func (p *Process) Start() {
	p.t.Helper()
	line := slices.Concat(p.prefix, []string{changedBinary(p.t, p.overlay)}, p.args)
	p.command = exec.CommandContext(context.Background(), line[0], line[1:]...) // Kill and Stop end it
	p.command.Stdout, p.command.Stderr = p.log, p.log
	if p.clock != "" {
		p.command.Env = append(os.Environ(), clockVariable+"="+p.clock)
	}
	// Its life ends with the test's, whatever becomes of the test.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.exited, p.frozen = make(chan struct{}), false
	go func(command *exec.Cmd, exited chan struct{}) {
		p.waitErr = command.Wait()
		close(exited)
	}(p.command, p.exited)
}

// Kill ends the process at once, as kill -9 does. One that does not run is left alone.
func (p *Process) Kill() {
	if p.command == nil {
		return
	}
	_ = p.command.Process.Kill()
	<-p.exited
	p.command = nil
}

// Stop asks the process to stop and returns how it ended, nil being an exit with 0.
func (p *Process) Stop() error {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.t.Errorf("%s does not stop", p.Name)
		p.Kill()
	}
	p.command = nil
	return p.waitErr
}

// Pause freezes the process, and Resume lets it go on.
func (p *Process) Pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	p.frozen = true
}

// Resume lets a frozen process go on.
func (p *Process) Resume() {
	p.t.Helper()
	p.signal(syscall.SIGCONT)
	p.frozen = false
}

func (p *Process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Running tells whether the process is there, frozen or not.
func (p *Process) Running() bool {
	if p.command == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// PID is the process's number, 0 while it does not run.
func (p *Process) PID() int {
	if p.command == nil {
		return 0
	}
	return p.command.Process.Pid
}

// Log is what the process has written so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.logPath)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

// requireNoRaces fails the test where the race detector, inside the process, found one.
func (p *Process) requireNoRaces() {
	b, err := os.ReadFile(p.logPath)
	if err == nil && bytes.Contains(b, []byte("DATA RACE")) {
		p.t.Errorf("a data race in %s; its log is %s", p.Name, p.logPath)
	}
}

// AwaitReady returns when the node knows a leader and has caught up.
func (p *Process) AwaitReady(ctx context.Context) error {
	return Poll(ctx, func(ctx context.Context) error {
		answer, err := Get(ctx, p.HTTP+"/readyz")
		if err == nil && answer.Status != 200 {
			err = fmt.Errorf("%s is not ready: %s", p.Name, answer.Body)
		}
		return err
	})
}

// AwaitReady returns when all running nodes are ready, and fails the test where they do not get there.
func (c *Processes) AwaitReady() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for _, p := range c.Nodes {
		if !p.Running() {
			continue
		}
		if err := p.AwaitReady(ctx); err != nil {
			c.t.Fatalf("%s does not get ready: %v\n%s", p.Name, err, p.Log())
		}
	}
}

// Leader is the node that leads, as a running node tells it; one that was killed or frozen is not among them.
func (c *Processes) Leader() *Process {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var leader *Process
	err := Poll(ctx, func(ctx context.Context) error {
		for _, p := range c.Nodes {
			if p.frozen || !p.Running() {
				continue
			}
			if s, err := SelfOf(ctx, p.HTTP); err == nil && s.State == "leader" {
				leader = p
				return nil
			}
		}
		return fmt.Errorf("no node leads")
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return leader
}

// Others are all nodes but one.
func (c *Processes) Others(but *Process) []*Process {
	var others []*Process
	for _, p := range c.Nodes {
		if p != but {
			others = append(others, p)
		}
	}
	return others
}
