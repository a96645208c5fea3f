package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/api"
)

// stdoutFile is the FILE that stands for the standard output.
const stdoutFile = "-"

func (p *program) snapshot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Save and restore the whole registry, and look into what was saved",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("say what to do with a snapshot: save, restore, inspect or verify")
			}
			return usagef("there is nothing called %q to do with a snapshot: save, restore, inspect or verify", args[0])
		},
	}
	cmd.AddCommand(p.snapshotSave(), p.snapshotRestore(), p.snapshotInspect(), p.snapshotVerify())
	return cmd
}

// call makes a call that is more than a question and an answer: curl spells it out, transfer makes it.
func (p *program) call(cmd *cobra.Command, curl func(*api.Client) string, transfer func(*api.Client) error) error {
	client, err := api.New(p.using.addr...)
	if err != nil {
		return usagef("--addr: %w", err)
	}
	defer client.Close()
	if p.using.curl {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), curl(client))
		return err
	}
	return transfer(client)
}

// offline refuses the flag that asks for a call of a command that makes none.
func (p *program) offline(cmd *cobra.Command, _ []string) error {
	if p.using.curl {
		return usagef("--curl: '%s' makes no call", cmd.CommandPath())
	}
	return nil
}

// inWords sums a snapshot up in a line.
func inWords(s fsm.Summary) string {
	return fmt.Sprintf("%s of %s at index %d of cluster %s, %s",
		counted(s.Instances, "instance"), counted(len(s.Services), "service"), s.Index, s.ClusterID, inBytes(s.Bytes))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// inBytes is a size as people read it.
func inBytes(n int64) string {
	const unit = 1 << 10
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	size, units := float64(n)/unit, []string{"KiB", "MiB", "GiB"}
	for size >= unit && len(units) > 1 {
		size, units = size/unit, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}

// report prints a line about a snapshot, or all that is known of it where another format is wanted.
func (p *program) report(w io.Writer, s fsm.Summary, line string) error {
	if p.using.format.value != formatTable {
		return encode(w, p.using.format.value, s)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}
