package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/registry"
)

// registration holds the flags of register.
type registration struct {
	instance registry.Instance
	metadata pairs

	ttl, deregisterAfter time.Duration

	checkHTTP           string
	checkTCP, checkGRPC bool
	interval            time.Duration
}

func (p *program) register() *cobra.Command {
	r := registration{metadata: pairs{}}
	var keep bool
	cmd := &cobra.Command{
		Use:   "register SERVICE --address ADDRESS --port PORT",
		Short: "Register an instance, or replace it",
		Long: `Register an instance, or replace it.

With --ttl the instance must send heartbeats from then on, or it is unhealthy. With --keep besides, this command sends
them, on whichever node answers, registers again should the registry lose the instance, and deregisters it at the end.`,
		Example: `  muster register payments --address 10.0.0.7 --port 8080
  muster register payments --address 10.0.0.7 --port 8080 --id payments-1 --tag v2 --meta version=2.3.1 --check-http /health
  muster register payments --address 10.0.0.7 --port 8080 --ttl 15s --keep`,
		Args:              names("SERVICE"),
		ValidArgsFunction: p.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			instance, err := r.read(args[0])
			switch {
			case err != nil:
				return err
			case keep && instance.Lease == nil:
				return usagef("--keep needs --ttl: without a lease there is nothing to keep")
			case keep && !p.using.curl:
				return p.keep(cmd, instance)
			}
			return ask(cmd, &p.using, api.Register(instance), showRegistration)
		},
	}
	r.addTo(cmd.Flags())
	cmd.Flags().BoolVar(&keep, "keep", false, "stay, send heartbeats, and deregister the instance at the end")
	return cmd
}

// addTo adds the flags.
func (r *registration) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&r.instance.Address, "address", "", "IP address or host name where clients reach the instance (required)")
	flags.IntVar(&r.instance.Port, "port", 0, "port where clients reach the instance (required)")
	flags.StringVar(&r.instance.ID, "id", "", "its name within the service (default ADDRESS:PORT)")
	flags.StringSliceVar(&r.instance.Tags, "tag", nil, "tag of the instance; may be given many times")
	flags.Var(r.metadata, "meta", "metadata of the instance; may be given many times")
	flags.StringVar(&r.instance.Zone, "zone", "", "where the instance runs")
	flags.IntVar(&r.instance.Weight, "weight", 0, "its share of the traffic, 1 to 65535 (default 100)")
	flags.DurationVar(&r.ttl, "ttl", 0, "lease: without a heartbeat for this long the instance is unhealthy (default none)")
	flags.DurationVar(&r.deregisterAfter, "deregister-after", 0, "deregister the instance so long after its lease ran out (default never)")
	flags.StringVar(&r.checkHTTP, "check-http", "", "have the registry check this path by HTTP, such as /health")
	flags.BoolVar(&r.checkTCP, "check-tcp", false, "have the registry check that the port accepts connections")
	flags.BoolVar(&r.checkGRPC, "check-grpc", false, "have the registry check grpc.health.v1")
	flags.DurationVar(&r.interval, "interval", 0, "time between two checks (default 10s)")
}

// read makes an instance of the flags.
func (r *registration) read(service string) (registry.Instance, error) {
	i := r.instance
	i.Service = service
	i.Metadata = r.metadata
	i.Checks = r.checks()
	if r.ttl != 0 {
		i.Lease = &registry.Lease{TTL: registry.Duration(r.ttl), DeregisterAfter: registry.Duration(r.deregisterAfter)}
	}
	switch {
	case r.ttl == 0 && r.deregisterAfter != 0:
		return i, usagef("--deregister-after needs --ttl: only a lease can run out")
	case i.Address == "":
		return i, usagef("--address is missing: the IP address or host name where clients reach the instance")
	case i.Port == 0:
		return i, usagef("--port is missing: the port where clients reach the instance")
	case i.ID != "" && !registry.ValidName(i.ID):
		return i, badName("--id", i.ID)
	case len(i.Checks) == 0 && r.interval != 0:
		return i, usagef("--interval needs a check: --check-http, --check-tcp or --check-grpc")
	}
	return i, nil
}

func (r *registration) checks() []registry.Check {
	var checks []registry.Check
	interval := registry.Duration(r.interval)
	if r.checkHTTP != "" {
		checks = append(checks, registry.Check{Type: registry.CheckHTTP, Path: r.checkHTTP, Interval: interval})
	}
	if r.checkTCP {
		checks = append(checks, registry.Check{Type: registry.CheckTCP, Interval: interval})
	}
	if r.checkGRPC {
		checks = append(checks, registry.Check{Type: registry.CheckGRPC, Interval: interval})
	}
	return checks
}

func showRegistration(w io.Writer, answer api.Answer[registry.Instance]) error {
	i := answer.Body
	did := "updated"
	if answer.Created {
		did = "registered"
	}
	_, err := fmt.Fprintf(w, "%s %s %s at %s: %s (index %d)\n", did, i.Service, i.ID, endpoint(&i), condition(&i), answer.Index)
	return err
}
