package main

import (
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

func (p *program) services() *cobra.Command {
	q := query{metadata: pairs{}}
	cmd := &cobra.Command{
		Use:   "services",
		Short: "List the services",
		Args:  names(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, &p.using, api.Services(q.read()), showServices)
		},
	}
	q.addTo(cmd.Flags())
	return cmd
}

func showServices(w io.Writer, answer api.Answer[wire.Services]) error {
	var rows [][]string
	for _, s := range answer.Body.Services {
		rows = append(rows, []string{
			s.Name, strconv.Itoa(s.Instances), strconv.Itoa(s.Healthy), strings.Join(s.Tags, ","),
		})
	}
	return table(w, []string{"SERVICE", "INSTANCES", "HEALTHY", "TAGS"}, rows)
}
