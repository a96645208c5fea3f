package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/registry"
)

// keep registers an instance, prints that, and keeps it registered until a signal comes, or the terminal goes.
func (p *program) keep(cmd *cobra.Command, instance registry.Instance) error {
	client, err := p.using.client()
	if err != nil {
		return err
	}
	defer client.Close()
	u := newUpkeep(client, instance, p.stderr)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		hungUp, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
		defer stop()
		context.AfterFunc(hungUp, stop) // a second one ends the process at once
		cmd.SetContext(hungUp)
	}
	ctx, cancel := p.using.limit(cmd.Context())
	answer, err := u.register(ctx)
	cancel()
	if err != nil {
		return errors.Join(err, u.end(cmd.Context())) // it may be registered
	}
	if err := present(cmd, &p.using, answer, showRegistration); err != nil {
		return errors.Join(err, u.end(cmd.Context()))
	}
	u.run(cmd.Context())
	if err := u.end(cmd.Context()); err != nil {
		return fmt.Errorf("deregister %s %s: %w", u.instance.Service, u.instance.ID, err)
	}
	fmt.Fprintf(p.stderr, "muster: deregistered %s %s\n", u.instance.Service, u.instance.ID)
	return nil
}
