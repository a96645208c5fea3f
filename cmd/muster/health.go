package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

func (p *program) health() *cobra.Command {
	var report wire.HealthReport
	cmd := &cobra.Command{
		Use:   "health SERVICE ID healthy|unhealthy|unknown",
		Short: "Report how an instance is, or one of its checks",
		Example: `  muster health payments payments-1 unhealthy --output "out of memory"
  muster health payments payments-1 healthy --check http`,
		Args:              names("SERVICE", "ID", "healthy|unhealthy|unknown"),
		ValidArgsFunction: p.completeInstance(healthWords...),
		RunE: func(cmd *cobra.Command, args []string) error {
			word := choice{allowed: healthWords}
			if err := word.Set(args[2]); err != nil {
				return usagef("%q is no health: it %w", args[2], err)
			}
			report.Status = registry.Status(args[2])
			return ask(cmd, &p.using, api.ReportHealth(args[0], args[1], report), showState)
		},
	}
	cmd.Flags().StringVar(&report.Output, "output", "", "what to say about it")
	cmd.Flags().StringVar(&report.Check, "check", "", "the check that is reported (default the instance itself)")
	return cmd
}

// healthWords are what can be reported.
var healthWords = []string{string(registry.Healthy), string(registry.Unhealthy), string(registry.Unknown)}

// showState says how an instance stands after a write.
func showState(w io.Writer, answer api.Answer[registry.Instance]) error {
	i := answer.Body
	_, err := fmt.Fprintf(w, "%s %s is now %s (index %d)\n", i.Service, i.ID, condition(&i), answer.Index)
	return err
}
