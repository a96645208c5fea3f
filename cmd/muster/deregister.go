package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

func (p *program) deregister() *cobra.Command {
	var drain time.Duration
	cmd := &cobra.Command{
		Use:   "deregister SERVICE ID",
		Short: "Remove an instance",
		Long: `Remove an instance.

With --drain the command ends when everybody who watches the service and acknowledges what they see knows that the instance
is gone, so that it may be stopped, or else at the end of the time. It lists who has not confirmed by then; node:NAME is a node
that can't tell, since it can't be reached or has just started. The instance is removed in any case.`,
		Example: `  muster deregister payments payments-1
  muster deregister payments payments-1 --drain 5s && kill $PID`,
		Args:              names("SERVICE", "ID"),
		ValidArgsFunction: p.completeInstance(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("drain") && (drain <= 0 || drain > wire.MaxDrain) {
				return usagef("--drain must be more than 0s and at most %s, not %s", wire.MaxDrain, drain)
			}
			show := func(w io.Writer, answer api.Answer[wire.Deregistered]) error {
				_, err := io.WriteString(w, deregistered(args[0], args[1], answer.Body))
				return err
			}
			using := p.using
			using.timeout += drain // which is no time of trying
			return ask(cmd, &using, api.Deregister(args[0], args[1], drain), show)
		},
	}
	cmd.Flags().DurationVar(&drain, "drain", 0, "wait so long for those who watch the service to confirm it")
	return cmd
}

// deregistered is the answer in words.
func deregistered(service, id string, answer wire.Deregistered) string {
	text := fmt.Sprintf("deregistered %s %s (index %d)\n", service, id, answer.Index)
	if answer.Drained == nil {
		return text
	}
	text += fmt.Sprintf("confirmed by %d who watch, unconfirmed by %d\n", answer.Confirmed, len(answer.Unconfirmed))
	if len(answer.Unconfirmed) > 0 {
		text += "  " + strings.Join(answer.Unconfirmed, "\n  ") + "\n"
	}
	return text
}
