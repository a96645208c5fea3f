package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

func (p *program) clusterTransfer() *cobra.Command {
	return &cobra.Command{
		Use:   "transfer [NODE]",
		Short: "Hand leadership over to a node, or to whichever can take it",
		Example: `  muster cluster transfer
  muster cluster transfer n2`,
		Args:              atMost("NODE"),
		ValidArgsFunction: p.completeNode,
		RunE: func(cmd *cobra.Command, args []string) error {
			to := ""
			if len(args) > 0 {
				to = args[0]
			}
			return ask(cmd, &p.using, api.Transfer(to), func(w io.Writer, answer api.Answer[wire.Leadership]) error {
				_, err := fmt.Fprintf(w, "%s leads now\n", answer.Body.Leader)
				return err
			})
		},
	}
}

func (p *program) clusterRemove() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "remove NODE",
		Short: "Remove a node from the cluster for good",
		Long: `Remove a node from the cluster for good, by its label or Raft id. The node learns it, says so, and takes no part any more;
to come back it needs an empty data directory. A removal that would cost the cluster its majority is refused.`,
		Example: `  muster cluster remove n4
  muster cluster remove 01J9ZC0V5T8Q3M2W7X6Y4R1KDN`,
		Args:              names("NODE"),
		ValidArgsFunction: p.completeNode,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, &p.using, api.RemoveNode(args[0], force), func(w io.Writer, answer api.Answer[wire.RemovedNode]) error {
				_, err := fmt.Fprintf(w, "removed %s (%s)\n", answer.Body.ID, answer.Body.RaftID)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also where the cluster loses its majority by it, and then stands still")
	return cmd
}

// completeNode completes the argument NODE from the cluster.
func (p *program) completeNode(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	return p.complete(cmd, nodeNames), noFiles
}

func nodeNames(ctx context.Context, client *api.Client) []string {
	answer, err := api.Do(ctx, client, api.Cluster())
	if err != nil {
		return nil
	}
	var found []string
	for _, n := range answer.Body.Nodes {
		found = append(found, n.ID)
	}
	return found
}
