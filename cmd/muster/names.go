package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/registry"
)

// names takes exactly these arguments, in this order. Those called SERVICE and ID must be names that the registry knows.
func names(wanted ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(wanted) {
			return usagef("%s is missing: %s", strings.Join(wanted[len(args):], " and "), lineOf(cmd))
		}
		if len(args) > len(wanted) {
			return usagef("%q is one argument too many: %s", args[len(wanted)], lineOf(cmd))
		}
		for i, arg := range args {
			if (wanted[i] == "SERVICE" || wanted[i] == "ID") && !registry.ValidName(arg) {
				return badName(wanted[i], arg)
			}
		}
		return nil
	}
}

// atMost takes this argument, or none.
func atMost(optional string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return names(optional)(cmd, args)
	}
}

// lineOf is how the command is called.
func lineOf(cmd *cobra.Command) string { return cmd.Parent().CommandPath() + " " + cmd.Use }

// badName says why a text names neither a service nor an instance.
func badName(what, text string) error {
	return usagef("%s: %q is no name: it has 1 to %d of A-Z a-z 0-9 . _ : - and does not start with a dot",
		what, text, registry.MaxNameBytes)
}
