package main

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

func (p *program) why() *cobra.Command {
	var asked api.Query
	cmd := &cobra.Command{
		Use:   "why SERVICE ID",
		Short: "Tell how an instance came to be as it is",
		Long: `Tell how an instance came to be as it is: when it changed, from what to what, by what evidence, and by whom
it was seen and decided. The newest change comes first. Instances that are gone are remembered for a while.`,
		Args:              names("SERVICE", "ID"),
		ValidArgsFunction: p.completeInstance(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, &p.using, api.History(args[0], args[1], asked), showHistory)
		},
	}
	cmd.Flags().BoolVar(&asked.Linearizable, "consistent", false, "show every change that was acknowledged before")
	return cmd
}

func showHistory(w io.Writer, answer api.Answer[wire.History]) error {
	var rows [][]string
	for _, t := range answer.Body.Transitions {
		rows = append(rows, []string{
			t.Time.Format(time.RFC3339), t.From, t.To, t.Cause.Rule, strings.Join(t.Cause.SeenBy, ","),
			strconv.FormatUint(t.Cause.Term, 10), strconv.FormatUint(t.Index, 10), oneLine(t.Cause.Evidence),
		})
	}
	return table(w, []string{"TIME", "FROM", "TO", "RULE", "SEEN BY", "TERM", "INDEX", "EVIDENCE"}, rows)
}

// oneLine is a text, which may be the output of a program, without what would break a table or reach the terminal.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || !strconv.IsPrint(r) }), " ")
}
