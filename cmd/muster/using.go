package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/api"
)

// using holds the flags of all commands that use a cluster.
type using struct {
	addr    []string
	format  choice
	curl    bool
	timeout time.Duration
}

// usingFlags are their names.
var usingFlags = []string{"addr", "format", "curl", "timeout"}

func (u *using) addTo(flags *pflag.FlagSet) {
	u.format = choice{value: formatTable, allowed: []string{formatTable, formatJSON, formatYAML}}
	flags.StringSliceVar(&u.addr, "addr", []string{"http://127.0.0.1:7300"}, "addresses of nodes, which are tried in this order")
	flags.VarP(&u.format, "format", "o", "how to print what the cluster answers")
	flags.BoolVar(&u.curl, "curl", false, "print the equivalent curl command instead of making the call")
	flags.DurationVar(&u.timeout, "timeout", 30*time.Second, "how long to try in all")
}

// hideUsing keeps these flags out of a command that runs a node: it neither shows nor takes them.
func (p *program) hideUsing(cmd *cobra.Command) {
	show := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		for _, name := range usingFlags {
			cmd.Root().PersistentFlags().Lookup(name).Hidden = true
		}
		show(cmd, args)
	})
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		var wrong error
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if slices.Contains(usingFlags, f.Name) {
				wrong = usagef("--%s is for commands that use a cluster, not for '%s'", f.Name, cmd.CommandPath())
			}
		})
		return wrong
	}
}

// ask makes a call and prints its answer: by show where a table is wanted, else with exactly the fields of the contract.
// With --curl it prints the call instead.
func ask[T any](cmd *cobra.Command, u *using, call api.Call[T], show func(w io.Writer, answer api.Answer[T]) error) error {
	client, err := u.client()
	if err != nil {
		return err
	}
	defer client.Close()
	if u.curl {
		command, err := api.Curl(client, call)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), command)
		return err
	}
	ctx, cancel := u.limit(cmd.Context())
	defer cancel()
	answer, err := api.Do(ctx, client, call)
	if err != nil {
		return err
	}
	return present(cmd, u, answer, show)
}

// client connects to the nodes that the flags name.
func (u *using) client() (*api.Client, error) {
	client, err := api.New(u.addr...)
	if err != nil {
		return nil, usagef("--addr: %w", err)
	}
	return client, nil
}

// registrar is a client that keeps instances registered with these nodes.
func (u *using) registrar() (*client.Client, error) {
	c, err := client.New(client.Config{Addrs: u.addr, InOrder: true})
	if err != nil {
		return nil, usagef("--addr: %w", err)
	}
	return c, nil
}

// limit is the context of a call, which has the time that the flags give it.
func (u *using) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, u.timeout)
}

// present prints an answer as the flags say.
func present[T any](cmd *cobra.Command, u *using, answer api.Answer[T], show func(w io.Writer, answer api.Answer[T]) error) error {
	if u.format.value == formatTable {
		return show(cmd.OutOrStdout(), answer)
	}
	return encode(cmd.OutOrStdout(), u.format.value, answer.Body)
}
