package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

func (p *program) watch() *cobra.Command {
	q := query{metadata: pairs{}}
	status := choice{allowed: statusWords}
	var all bool
	cmd := &cobra.Command{
		Use:   "watch SERVICE...",
		Short: "Print what changes in services, as it comes",
		Long: `Print the instances of services, whatever their status, and then what changes, until it is interrupted. A service
need not be there yet. When the node is lost it goes on at the next one of --addr, and misses nothing.

-o json prints the events of the API, one a line; see docs/api.md.`,
		Example: `  muster watch payments orders
  muster watch --all -o json`,
		Args: func(cmd *cobra.Command, args []string) error { return watchable(cmd, all, args) },
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			isArg := func(name string) bool { return slices.Contains(args, name) }
			return slices.DeleteFunc(p.complete(cmd, serviceNames), isArg), noFiles
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			watching := api.Watching{Services: args, All: all, Query: q.read()}
			watching.Query.Status = registry.Status(status.value)
			return p.follow(cmd, watching)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "watch every service, also those to come")
	cmd.Flags().Var(&status, "status", "show instances of this status (default any)")
	q.narrowBy(cmd.Flags())
	return cmd
}

// watchable takes the names of services, or none with --all.
func watchable(cmd *cobra.Command, all bool, args []string) error {
	switch {
	case all && len(args) > 0:
		return usagef("--all watches every service: leave out %q, or --all", args[0])
	case !all && len(args) == 0:
		return usagef("SERVICE is missing: %s, or --all", lineOf(cmd))
	}
	for _, name := range args {
		if !registry.ValidName(name) {
			return badName("SERVICE", name)
		}
	}
	return nil
}

// follow prints the events of a watch until it is interrupted, which is how it is meant to end.
func (p *program) follow(cmd *cobra.Command, watching api.Watching) error {
	client, err := api.New(p.using.addr...)
	if err != nil {
		return usagef("--addr: %w", err)
	}
	defer client.Close()
	if p.using.curl {
		_, err := fmt.Fprintln(p.stdout, api.CurlWatch(client, watching))
		return err
	}
	ctx, end := context.WithCancelCause(cmd.Context())
	defer end(nil)
	late := time.AfterFunc(p.using.timeout, func() {
		end(fmt.Errorf("%w: no node has begun to answer within %s", fault.ErrTimeout, p.using.timeout))
	})
	defer late.Stop()

	show := p.eventPrinter(watching.Services)
	for event, err := range api.Follow(ctx, client, watching, p.tellLost) {
		if err != nil {
			return err
		}
		late.Stop()
		if err := show(event); err != nil {
			return err
		}
	}
	if cmd.Context().Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

func (p *program) tellLost(i api.Interruption) {
	fmt.Fprintf(p.stderr, "muster: %s; going on at %s\n", explain(i.Err), i.Next)
}

// eventPrinter returns what prints an event in the format that is wanted.
func (p *program) eventPrinter(services []string) func(wire.Event) error {
	if p.using.format.value == formatTable {
		return newChangeTable(p.stdout, p.stderr, services).add
	}
	return func(e wire.Event) error { return encodeItem(p.stdout, p.using.format.value, e) }
}
