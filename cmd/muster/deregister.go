package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

func (p *program) deregister() *cobra.Command {
	return &cobra.Command{
		Use:               "deregister SERVICE ID",
		Short:             "Remove an instance",
		Args:              names("SERVICE", "ID"),
		ValidArgsFunction: p.completeInstance(),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, id := args[0], args[1]
			show := func(w io.Writer, answer api.Answer[wire.Deregistered]) error {
				_, err := fmt.Fprintf(w, "deregistered %s %s (index %d)\n", service, id, answer.Body.Index)
				return err
			}
			return ask(cmd, &p.using, api.Deregister(service, id), show)
		},
	}
}
