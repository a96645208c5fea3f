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
			return usagef("%s is missing: muster %s", strings.Join(wanted[len(args):], " and "), cmd.Use)
		}
		if len(args) > len(wanted) {
			return usagef("%q is one argument too many: muster %s", args[len(wanted)], cmd.Use)
		}
		for i, arg := range args {
			if (wanted[i] == "SERVICE" || wanted[i] == "ID") && !registry.ValidName(arg) {
				return badName(wanted[i], arg)
			}
		}
		return nil
	}
}

// badName says why a text names neither a service nor an instance.
func badName(what, text string) error {
	return usagef("%s: %q is no name: it has 1 to %d of A-Z a-z 0-9 . _ : - and does not start with a dot",
		what, text, registry.MaxNameBytes)
}
