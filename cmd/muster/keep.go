package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/registry"
)

// keep registers an instance, prints that, and keeps it registered until a signal comes, or the terminal goes.
func (p *program) keep(cmd *cobra.Command, instance registry.Instance) error {
	registrar, err := p.using.registrar()
	if err != nil {
		return err
	}
	defer func() { _ = registrar.Close() }() // it has nothing to say
	if !signal.Ignored(syscall.SIGHUP) {     // as under nohup
		hungUp, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
		defer stop()
		context.AfterFunc(hungUp, stop) // a second one ends the process at once
		cmd.SetContext(hungUp)
	}
	u, err := p.upkeep(cmd.Context(), registrar, instance)
	if err != nil {
		return err
	}
	ctx, cancel := p.using.limit(cmd.Context())
	status, err := u.await(ctx)
	cancel()
	if err != nil {
		return errors.Join(err, u.end(cmd.Context())) // it may be registered
	}
	answer := api.Answer[registry.Instance]{Body: u.Instance(), Created: status.Created, Index: status.Index}
	if err := present(cmd, &p.using, answer, showRegistration); err != nil {
		return errors.Join(err, u.end(cmd.Context()))
	}
	u.follow(cmd.Context())
	if err := u.end(cmd.Context()); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "muster: deregistered %s %s\n", answer.Body.Service, answer.Body.ID)
	return nil
}
