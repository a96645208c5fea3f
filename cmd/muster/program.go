package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// program is what the commands have of the world around them, so that a test can give them another.
type program struct {
	stdout, stderr io.Writer
	environ        func() []string
	startNode      startFunc

	using using // the flags that all commands share which use a cluster
}

// The groups of commands, as the help shows them.
const (
	groupRun = "run"
	groupUse = "use"
)

// run carries out one command line and returns the exit status. Data goes to stdout, everything else to stderr.
func (p *program) run(ctx context.Context, args []string) int {
	root, begun := p.root()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if child, ok := errors.AsType[*childEnded](err); ok {
		return child.status
	}
	// Until a command has begun, nothing was looked at but the command line.
	if !*begun {
		err = &usageError{err}
	}
	return p.fail(ctx, cmd, err)
}

// root builds the tree of commands. begun turns true once the command line was found right.
func (p *program) root() (root *cobra.Command, begun *bool) {
	begun = new(bool)
	root = &cobra.Command{
		Use:   "muster",
		Short: "Muster is a distributed service registry",
		Long: `Muster is a distributed service registry: a few nodes keep one replicated truth about which instances
of which services exist and are well. Services register with any node, clients discover on any node.

Every flag can also be given in the environment (--http-addr as MUSTER_HTTP_ADDR) and in a YAML file (--config).
Flags win over the environment, the environment over the file.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 no node reachable, 5 no leader,
6 conflict or failed precondition, 7 denied, 8 timed out.`,
		Version:       thisBuild().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.settings(cmd); err != nil {
				return err
			}
			*begun = true
			return nil
		},
	}
	root.SetFlagErrorFunc(explainFlag)
	root.SetVersionTemplate("{{.Version}}\n")
	p.using.addTo(root.PersistentFlags())
	root.PersistentFlags().String(configFlag, "", "YAML file with settings: its keys are the names of the command's flags")
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run nodes:"},
		&cobra.Group{ID: groupUse, Title: "Use a cluster:"},
	)
	for _, cmd := range []*cobra.Command{p.dev(), p.server(), p.recovery()} {
		cmd.GroupID = groupRun
		p.hideUsing(cmd)
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{
		p.register(), p.runProgram(), p.deregister(), p.services(), p.discover(), p.watch(), p.health(), p.maintenance(), p.why(), p.cluster(), p.snapshot(),
	} {
		cmd.GroupID = groupUse
		root.AddCommand(cmd)
	}
	root.AddCommand(p.version())
	return root, begun
}

// fail tells on stderr what went wrong and returns the exit status for it.
func (p *program) fail(ctx context.Context, cmd *cobra.Command, err error) int {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		fmt.Fprintln(p.stderr, "muster: interrupted")
		return exitFailed
	}
	fmt.Fprintf(p.stderr, "muster: %s\n", explain(err))
	status := exitStatus(err)
	if status == exitUsage {
		fmt.Fprintf(p.stderr, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
	return status
}
