package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/api"
)

func (p *program) snapshotRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Replace the whole registry by what was saved in a file",
		Long: `Replace the whole registry by what was saved in a file, of this cluster or of another one.

All nodes go over to it at the same index, which is later than all before: clients see either what was there or what was
saved, and what is gone is gone for those who watch, too. It asks nothing and can't be undone, so save first. The file is
checked before anything is sent. --timeout says how long the upload may stand still.`,
		Example: `  muster snapshot save before.snapshot
  muster snapshot restore backup.snapshot`,
		Args: names("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.call(cmd,
				func(c *api.Client) string { return api.CurlRestore(c, args[0]) },
				func(c *api.Client) error { return p.restore(cmd, c, args[0]) })
		},
	}
}

func (p *program) restore(cmd *cobra.Command, client *api.Client, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	summary, err := fsm.Inspect(file)
	if err != nil {
		return fmt.Errorf("%s is no whole snapshot, nothing was changed: %w", path, err)
	}
	answer, err := api.RestoreSnapshot(cmd.Context(), client, p.using.timeout, file, summary.Bytes)
	if err != nil {
		return err
	}
	if p.using.format.value != formatTable {
		return encode(cmd.OutOrStdout(), p.using.format.value, answer.Body)
	}
	r := answer.Body
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored %s of %s from %s (index %d)\n",
		counted(r.Instances, "instance"), counted(r.Services, "service"), path, r.Index)
	return err
}
