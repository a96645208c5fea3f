package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

func (p *program) cluster() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Show the cluster's members and the state of Raft",
		Args:  names(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, &p.using, api.Cluster(), showCluster)
		},
	}
	cmd.AddCommand(p.clusterTransfer(), p.clusterRemove())
	return cmd
}

func showCluster(w io.Writer, answer api.Answer[wire.Cluster]) error {
	c := answer.Body
	leader := c.Leader
	if leader == "" {
		leader = "none"
	}
	id := c.ID
	if id == "" {
		id = "not formed yet"
	}
	if _, err := fmt.Fprintf(w, "cluster %s, leader %s, term %d, commit index %d\n\n", id, leader, c.Term, c.CommitIndex); err != nil {
		return err
	}
	var rows [][]string
	for _, n := range c.Nodes {
		contact := ""
		if n.LastContact != nil {
			contact = time.Duration(*n.LastContact).Round(time.Millisecond).String()
		}
		rows = append(rows, []string{
			n.ID, n.State, n.Role, n.GossipState, strconv.FormatUint(n.AppliedIndex, 10), contact,
			n.HTTP, n.Peer, n.Gossip, n.Zone, n.Version,
		})
	}
	header := []string{
		"NODE", "STATE", "ROLE", "GOSSIP", "APPLIED", "LAST CONTACT", "HTTP", "PEER", "GOSSIP ADDRESS", "ZONE", "VERSION",
	}
	return table(w, header, rows)
}
