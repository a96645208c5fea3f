package child

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a child. Each of its methods is for one goroutine at a time; one may hear while another does something else.
type Process struct {
	command *exec.Cmd
	stdin   io.Closer
	in      *json.Encoder
	out     *json.Decoder

	ended sync.Once
	err   error // of its end
}

// Start starts a child in a role, with further variables in its environment. What it writes to standard error stands in
// the output of the test, at whose end it is killed if it is still there.
func Start(t testing.TB, role string, environment ...string) *Process {
	t.Helper()
	command := exec.CommandContext(context.Background(), os.Args[0]) // which ends with its input
	command.Env = append(append(os.Environ(), roleVariable+"="+role), environment...)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, out, err := os.Pipe() // the command's own would be closed by Wait, and the last words lost
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout = out
	err = command.Start()
	_ = out.Close() // which is the child's now
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{command: command, stdin: stdin, in: json.NewEncoder(stdin), out: json.NewDecoder(stdout)}
	t.Cleanup(func() {
		p.Kill()
		_ = stdout.Close()
	})
	return p
}

// Tell sends the child a value.
func (p *Process) Tell(v any) error { return p.in.Encode(v) }

// Hear waits for the next value that the child says; io.EOF is its silence for ever.
func (p *Process) Hear(into any) error { return p.out.Decode(into) }

// Kill ends the child at once, as kill -9 does.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	_ = p.wait()
}

// End lets the child end by itself, which it should when its input does, and returns how it did: nil is an exit with 0.
func (p *Process) End() error {
	_ = p.stdin.Close()
	return p.wait()
}

// Terminate sends the child SIGTERM, and returns how it ended. Its input stays open until then.
func (p *Process) Terminate() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.wait()
}

// longestEnd is how long a child may take to end.
const longestEnd = time.Minute

func (p *Process) wait() error {
	p.ended.Do(func() {
		late := time.AfterFunc(longestEnd, func() { _ = p.command.Process.Kill() })
		defer late.Stop()
		p.err = p.command.Wait()
	})
	return p.err
}
