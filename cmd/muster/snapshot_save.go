package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/api"
)

func (p *program) snapshotSave() *cobra.Command {
	return &cobra.Command{
		Use:   "save FILE",
		Short: "Save the whole registry in a file",
		Long: `Save the whole registry in a file, or write it to the standard output where FILE is -.

The snapshot is one state, as it is after every write that was acknowledged before. It is checked while it comes; the file
stands under its name only once it is whole and on the disk. --timeout says how long the node may send nothing.`,
		Example: `  muster snapshot save backup.snapshot
  muster snapshot save - | ssh elsewhere 'cat > backup.snapshot'`,
		Args: names("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.call(cmd,
				func(c *api.Client) string { return api.CurlSave(c, args[0]) },
				func(c *api.Client) error { return p.save(cmd, c, args[0]) })
		},
	}
}

func (p *program) save(cmd *cobra.Command, client *api.Client, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usagef("%s is a directory; give the name of a file in it", path)
	}
	return api.SaveSnapshot(cmd.Context(), client, p.using.timeout, func(snapshot io.Reader) error {
		if path == stdoutFile {
			summary, err := fsm.Inspect(io.TeeReader(snapshot, cmd.OutOrStdout()))
			if err == nil {
				_, err = fmt.Fprintf(cmd.ErrOrStderr(), "saved %s\n", inWords(summary))
			}
			return notSaved(path, err)
		}
		summary, err := saveIn(path, snapshot)
		if err != nil {
			return notSaved(path, err)
		}
		return p.report(cmd.OutOrStdout(), summary, "saved "+inWords(summary)+" in "+path)
	})
}

func notSaved(path string, err error) error {
	if err != nil {
		err = fmt.Errorf("no snapshot was saved in %s: %w", path, err)
	}
	return err
}

// saveIn writes a snapshot beside the file, and puts it in its place once it is found whole.
func saveIn(path string, snapshot io.Reader) (fsm.Summary, error) {
	part := path + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fsm.Summary{}, err
	}
	summary, err := fsm.Inspect(io.TeeReader(snapshot, file))
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return fsm.Summary{}, errors.Join(err, os.Remove(part))
	}
	return summary, syncDirectory(filepath.Dir(path))
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
