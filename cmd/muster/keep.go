package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/registry"
)

// keep registers an instance, prints that, and keeps it registered until a signal comes.
func (p *program) keep(cmd *cobra.Command, instance registry.Instance) error {
	client, err := p.using.client()
	if err != nil {
		return err
	}
	defer client.Close()
	u := &upkeep{client: client, instance: instance, tell: p.stderr}
	ctx, cancel := p.using.limit(cmd.Context())
	answer, err := u.register(ctx)
	cancel()
	if err != nil {
		return err
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
