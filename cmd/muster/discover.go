package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

func (p *program) discover() *cobra.Command {
	q := query{metadata: pairs{}}
	status := choice{allowed: statusWords}
	cmd := &cobra.Command{
		Use:   "discover SERVICE",
		Short: "List the instances of a service",
		Long: `List the instances of a service: those that are healthy and not in maintenance, or with --status those of
one status, or with --status any all of them.`,
		Example: `  muster discover payments
  muster discover payments --tag v2 --zone eu-1a
  muster discover payments --status any --filter 'metadata.version == "2.3.1"'`,
		Args:              names("SERVICE"),
		ValidArgsFunction: p.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			asked := q.read()
			asked.Status = registry.Status(status.value)
			show := func(w io.Writer, answer api.Answer[wire.Discovered]) error {
				if len(answer.Body.Instances) == 0 {
					fmt.Fprintf(p.stderr, "%s is registered, but no instance fits; '--status any' shows them all\n", args[0])
				}
				return showInstances(w, answer.Body.Instances)
			}
			return ask(cmd, &p.using, api.Discover(args[0], asked), show)
		},
	}
	cmd.Flags().Var(&status, "status", "show instances of this status (default healthy and not in maintenance)")
	q.addTo(cmd.Flags())
	return cmd
}

// statusWords are the statuses that can be asked for.
var statusWords = append(slices.Clone(healthWords), string(api.StatusAny))

func showInstances(w io.Writer, instances []*registry.Instance) error {
	var rows [][]string
	for _, i := range instances {
		rows = append(rows, []string{
			i.ID, endpoint(i), i.Zone, strconv.Itoa(i.Weight), condition(i), strings.Join(i.Tags, ","),
		})
	}
	return table(w, []string{"ID", "ADDRESS", "ZONE", "WEIGHT", "STATUS", "TAGS"}, rows)
}

// endpoint is where clients reach an instance.
func endpoint(i *registry.Instance) string { return net.JoinHostPort(i.Address, strconv.Itoa(i.Port)) }

// condition is how an instance is, as one word of a table.
func condition(i *registry.Instance) string {
	if i.Maintenance.Enabled {
		return string(i.Status) + ",maintenance"
	}
	return string(i.Status)
}
