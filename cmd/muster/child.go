package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// passedOn are the signals that a program gets which this one gets.
var passedOn = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, syscall.SIGWINCH,
}

// childEnded is how a program ended that did not end well. Its exit status becomes that of this one, which has nothing to
// add to what the program itself has said.
type childEnded struct{ status int }

func (e *childEnded) Error() string { return fmt.Sprintf("the program ended with status %d", e.status) }

// child is a program that runs.
type child struct {
	command *exec.Cmd
	signals chan os.Signal
	done    chan struct{} // closed when no signal is passed on any more
}

// startChild starts a program that shares this one's terminal and group, and passes signals on to it.
func (p *program) startChild(ctx context.Context, line []string) (*child, error) {
	c := &child{signals: make(chan os.Signal, 16), done: make(chan struct{})}
	c.command = exec.CommandContext(context.WithoutCancel(ctx), line[0], line[1:]...) //nolint:gosec // it is what the user wants
	c.command.Stdin, c.command.Stdout, c.command.Stderr = os.Stdin, p.stdout, p.stderr
	// Before it is there, lest one comes in between. What is ignored here, as under nohup, the program must ignore too: it
	// inherits that, unless somebody here listens.
	signal.Notify(c.signals, slices.DeleteFunc(slices.Clone(passedOn), signal.Ignored)...)
	if err := c.command.Start(); err != nil {
		signal.Stop(c.signals)
		return nil, fmt.Errorf("start the program: %w", err)
	}
	go func() {
		defer close(c.done)
		for s := range c.signals {
			if !fromTerminal(s) {
				_ = c.command.Process.Signal(s) // it fails only where there is nobody any more
			}
		}
	}()
	return c, nil
}

// wait returns when the program has ended: nil where it did so with status 0.
func (c *child) wait() error {
	err := c.command.Wait()
	signal.Stop(c.signals)
	close(c.signals)
	<-c.done
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &childEnded{128 + int(status.Signal())}
	}
	return &childEnded{exit.ExitCode()}
}

// fromTerminal tells whether a signal is one of those that a terminal sends to all programs in its foreground: the child has
// got it already, and programs take a second one for impatience.
func fromTerminal(s os.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT && s != syscall.SIGWINCH {
		return false
	}
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false // there is none
	}
	defer func() { _ = terminal.Close() }()
	foreground, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}
