package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/registry"
)

// runTTL is the lease of a program where none is asked for.
const runTTL = 15 * time.Second

func (p *program) runProgram() *cobra.Command {
	r := registration{metadata: pairs{}}
	cmd := &cobra.Command{
		Use:   "run SERVICE --port PORT -- COMMAND [ARGUMENT...]",
		Short: "Start a program and keep it registered while it runs",
		Long: `Start a program, register it as an instance, and send its heartbeats for as long as it runs; deregister it when it
ends. Signals are passed on to it, and its exit status is this command's; 128 and the signal's number where one ended it.

The program runs whether or not a node can be reached. Without --address it is registered under the address with which
this machine speaks to the first node.`,
		Example: `  muster run web --port 8000 -- python3 -m http.server 8000
  muster run payments --port 8080 --ttl 5s --tag v2 -- ./payments --listen :8080`,
		Args: serviceAndCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.complete(&p.using); err != nil {
				return err
			}
			instance, err := r.read(args[0])
			switch {
			case err != nil:
				return err
			case p.using.curl:
				return ask(cmd, &p.using, api.Register(instance), showRegistration)
			default:
				return p.accompany(cmd.Context(), instance, args[1:])
			}
		},
	}
	r.addTo(cmd.Flags())
	ttl, address := cmd.Flags().Lookup("ttl"), cmd.Flags().Lookup("address")
	ttl.DefValue, ttl.Usage = runTTL.String(), "lease: when no heartbeat has come for this long the instance is unhealthy"
	address.Usage = "IP address or host name where clients reach the instance (default this machine's, as the first node sees it)"
	r.ttl = runTTL
	return cmd
}

// serviceAndCommand wants a service and, after two dashes, the command line of a program.
func serviceAndCommand(cmd *cobra.Command, args []string) error {
	dashes := cmd.ArgsLenAtDash()
	if dashes < 0 || dashes == len(args) {
		return usagef("the program to run is missing: it stands after two dashes: %s", lineOf(cmd))
	}
	return names("SERVICE")(cmd, args[:dashes])
}

// complete fills in the address where there is none.
func (r *registration) complete(u *using) error {
	if r.ttl == 0 {
		return usagef("--ttl must be 1s at least: a program that is run has a lease")
	}
	if r.instance.Address != "" {
		return nil
	}
	var err error
	if r.instance.Address, err = localAddress(u.addr); err != nil {
		return usagef("--address is missing, and can't be found out: %w", err)
	}
	return nil
}

// localAddress is the address with which this machine speaks to the first of the nodes. Nothing is sent.
func localAddress(nodes []string) (string, error) {
	if len(nodes) == 0 {
		return "", fmt.Errorf("there is no --addr")
	}
	text := strings.TrimSpace(nodes[0])
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	node, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	port := node.Port()
	if port == "" {
		port = "80"
	}
	conn, err := net.Dial("udp", net.JoinHostPort(node.Hostname(), port)) //nolint:noctx // it sends nothing
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	return host, err
}

// accompany runs a program and keeps it registered meanwhile.
func (p *program) accompany(ctx context.Context, instance registry.Instance, command []string) error {
	registrar, err := p.using.registrar()
	if err != nil {
		return err
	}
	defer func() { _ = registrar.Close() }() // it has nothing to say
	child, err := p.startChild(ctx, command)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // a signal is the program's business
	u, err := p.upkeep(ctx, registrar, instance)
	if err != nil {
		fmt.Fprintf(p.stderr, "muster: %s\n", explain(err))
		return child.wait()
	}
	following, stop := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() { u.follow(following) })
	ended := child.wait()
	stop()
	telling.Wait()
	if err := u.end(ctx); err != nil {
		fmt.Fprintf(p.stderr, "muster: could not %s\n", explain(err))
	}
	return ended
}
