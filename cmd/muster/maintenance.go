package main

import (
	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/registry"
)

func (p *program) maintenance() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "maintenance SERVICE ID on|off",
		Short: "Take an instance out of discovery without deregistering it, or bring it back",
		Example: `  muster maintenance payments payments-1 on --reason "deploy of 2.4"
  muster maintenance payments payments-1 off`,
		Args:              names("SERVICE", "ID", "on|off"),
		ValidArgsFunction: p.completeInstance("on", "off"),
		RunE: func(cmd *cobra.Command, args []string) error {
			word := choice{allowed: []string{"on", "off"}}
			if err := word.Set(args[2]); err != nil {
				return usagef("%q: maintenance %w", args[2], err)
			}
			enabled := args[2] == "on"
			if reason != "" && !enabled {
				return usagef("--reason goes with 'on' only: an instance that is back needs none")
			}
			m := registry.Maintenance{Enabled: enabled, Reason: reason}
			return ask(cmd, &p.using, api.SetMaintenance(args[0], args[1], m), showState)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who find it so")
	return cmd
}
