package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/node"
)

func (p *program) recovery() *cobra.Command {
	var dir string
	var yes bool
	cmd := &cobra.Command{
		Use:   "recover --data-dir DIR",
		Short: "Make a stopped node the only voter of a new cluster, after the majority was lost for good",
		Long: `Make a stopped node the only voter of a new cluster, with everything that it has. This is the last resort, for a cluster
whose majority is lost for good: what had been acknowledged and has not come to this node is lost by it. Where enough nodes
can be brought back, bring them back instead; they go on by themselves.

Without --yes it only tells what it would do.`,
		Example: `  muster recover --data-dir /var/lib/muster
  muster recover --data-dir /var/lib/muster --yes`,
		Args: names(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if dir == "" {
				return usagef("--data-dir is missing: the folder of the node that is to go on alone")
			}
			log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			remains, err := node.OpenRemains(dir, log)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no node in %s: %w", dir, err)
			}
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, remains.Close()) }()
			if err := describeRecovery(cmd.OutOrStdout(), dir, remains); err != nil {
				return err
			}
			if !yes {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "Nothing was changed. Run it again with --yes to do it.")
				return err
			}
			clusterID, err := remains.Recover()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Done: the node is the only voter of the new cluster %s. Start it as before.\n", clusterID)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", "", "folder of the node that is to go on alone; it must be stopped (required)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// describeRecovery tells what there is, what would be done and what may be lost.
func describeRecovery(w io.Writer, dir string, remains *node.Remains) error {
	index, term := remains.Last()
	_, err := fmt.Fprintf(w, `The node in %s:
  name       %s
  raft id    %s
  cluster    %s
  last entry %d, of term %d
  others     %s

To recover makes this node the only voter of a new cluster, which has a new id and everything that this node has.

  Choose the node whose last entry has the highest term, and among those the highest index, and recover only that one.
  Writes that were acknowledged and have not come to this node are lost. Writes that were never acknowledged may appear.
  The others are refused by the new cluster, whatever they still have: empty their data directories, and start them again
  with --join and the gossip address of this node; each gets its vote when it has caught up.
  Clients that kept an index of the old cluster are told so by Muster-Cluster; they have to forget it.

`, dir, nameOr(remains.Node(), "unknown: it had been removed"), remains.Node().RaftID, remains.ClusterID(), index, term, serverList(remains.Others()))
	return err
}

func nameOr(s cluster.Server, otherwise string) string {
	if s.Label == "" {
		return otherwise
	}
	return s.Label
}

func serverList(servers []cluster.Server) string {
	if len(servers) == 0 {
		return "none"
	}
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = fmt.Sprintf("%s (%s)", s.Label, s.Peer)
	}
	return strings.Join(list, ", ")
}
