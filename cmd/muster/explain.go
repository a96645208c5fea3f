package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

// explain words an error for a person: what was wrong and, where that is not plain, what to do.
func explain(err error) string {
	if problem, ok := errors.AsType[*wire.Problem](err); ok && problem.Code != "" && problem.Detail != "" {
		return problem.Detail // The title says the same with fewer words.
	}
	if _, ok := errors.AsType[*api.UnreachableError](err); ok {
		return err.Error() + ": start one with 'muster dev', or say with --addr where they are"
	}
	return strings.TrimSpace(err.Error())
}

// explainFlag words what pflag found wrong with the value of a flag as this program does for the other places that a value
// can come from.
func explainFlag(_ *cobra.Command, err error) error {
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usagef("--%s: %w", wrong.GetFlag().Name, refused(wrong.GetValue(), wrong.Unwrap()))
	}
	return &usageError{err}
}
