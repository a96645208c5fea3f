package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/fsm"
)

func (p *program) snapshotInspect() *cobra.Command {
	return &cobra.Command{
		Use:     "inspect FILE",
		Short:   "Show what is in a snapshot, without a cluster",
		Example: `  muster snapshot inspect backup.snapshot -o json`,
		Args:    names("FILE"),
		PreRunE: p.offline,
		RunE: func(cmd *cobra.Command, args []string) error {
			summary, err := inspectFile(args[0])
			switch {
			case err != nil:
				return err
			case p.using.format.value != formatTable:
				return encode(cmd.OutOrStdout(), p.using.format.value, summary)
			default:
				return showSummary(cmd.OutOrStdout(), summary)
			}
		},
	}
}

func (p *program) snapshotVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Check every byte of a snapshot, without a cluster",
		Long: `Check every byte of a snapshot, without a cluster. Where anything is damaged or missing, it says what and exits with
status 1.`,
		Example: `  muster snapshot verify backup.snapshot && rm older.snapshot`,
		Args:    names("FILE"),
		PreRunE: p.offline,
		RunE: func(cmd *cobra.Command, args []string) error {
			summary, err := inspectFile(args[0])
			if err != nil {
				return err
			}
			return p.report(cmd.OutOrStdout(), summary, args[0]+" is whole: "+inWords(summary))
		},
	}
}

// inspectFile reads a file to its end and checks all of it.
func inspectFile(path string) (fsm.Summary, error) {
	file, err := os.Open(path)
	if err != nil {
		return fsm.Summary{}, err
	}
	defer func() { _ = file.Close() }() // it was only read
	summary, err := fsm.Inspect(file)
	if err != nil {
		err = fmt.Errorf("%s is no whole snapshot: %w", path, err)
	}
	return summary, err
}

func showSummary(w io.Writer, s fsm.Summary) error {
	for _, line := range [][2]string{
		{"format", strconv.Itoa(s.Format)},
		{"cluster", s.ClusterID},
		{"index", strconv.FormatUint(s.Index, 10)},
		{"term", strconv.FormatUint(s.Term, 10)},
		{"instances", strconv.Itoa(s.Instances)},
		{"services", strconv.Itoa(len(s.Services))},
		{"size", inBytes(s.Bytes)},
		{"state hash", s.StateHash},
		{"SHA-256", s.SHA256.String()},
	} {
		if _, err := fmt.Fprintf(w, "%-11s %s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	if len(s.Services) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	var rows [][]string
	for _, service := range s.Services {
		rows = append(rows, []string{service.Name, strconv.Itoa(service.Instances), strconv.FormatUint(service.Index, 10)})
	}
	return table(w, []string{"SERVICE", "INSTANCES", "INDEX"}, rows)
}
