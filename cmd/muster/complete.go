package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterhq/muster/internal/api"
)

// completeWithin is how long a person who pressed Tab is kept waiting.
const completeWithin = 300 * time.Millisecond

// noFiles tells the shell not to offer the names of files instead.
const noFiles = cobra.ShellCompDirectiveNoFileComp

// completeService completes the argument SERVICE from the cluster.
func (p *program) completeService(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	return p.complete(cmd, serviceNames), noFiles
}

// completeInstance completes the arguments SERVICE and ID from the cluster, and a third one from words.
func (p *program) completeInstance(words ...string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return p.completeService(cmd, args, begun)
		case 1:
			ids := func(ctx context.Context, client *api.Client) []string { return instanceIDs(ctx, client, args[0]) }
			return p.complete(cmd, ids), noFiles
		case 2:
			return words, noFiles
		default:
			return nil, noFiles
		}
	}
}

// complete asks the cluster for names. A cluster that does not answer in time completes nothing, and neither does a
// mistake: this is no place to complain.
func (p *program) complete(cmd *cobra.Command, find func(context.Context, *api.Client) []string) []string {
	// The shell asks before the command runs, so nobody has read the settings yet.
	if p.settings(cmd) != nil {
		return nil
	}
	client, err := api.New(p.using.addr...)
	if err != nil {
		return nil
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	return find(ctx, client)
}

func serviceNames(ctx context.Context, client *api.Client) []string {
	answer, err := api.Do(ctx, client, api.Services(api.Query{}))
	if err != nil {
		return nil
	}
	var found []string
	for _, s := range answer.Body.Services {
		found = append(found, s.Name)
	}
	return found
}

func instanceIDs(ctx context.Context, client *api.Client, service string) []string {
	answer, err := api.Do(ctx, client, api.Discover(service, api.Query{Status: api.StatusAny}))
	if err != nil {
		return nil
	}
	var found []string
	for _, i := range answer.Body.Instances {
		found = append(found, i.ID)
	}
	return found
}
