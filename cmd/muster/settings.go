package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	configFlag = "config"
	envPrefix  = "MUSTER_"

	// noDelimiter keeps koanf from taking a key such as a metadata key apart: it stands in none.
	noDelimiter = "\x00"
)

// settings fills in the flags of a command that its command line leaves open: from the environment, else from the file.
// They go through the flags' own parsers, so that a value means the same wherever it stands.
func (p *program) settings(cmd *cobra.Command) error {
	open := p.openFlags(cmd)
	layers := koanf.New(noDelimiter)
	file, err := p.readConfig(cmd)
	if err != nil {
		return err
	}
	if file != nil {
		if err := file.refuseUnknown(cmd); err != nil {
			return err
		}
		if err := layers.Load(file, nil); err != nil {
			return err
		}
	}
	if err := layers.Load(p.environment(), nil); err != nil {
		return err
	}
	for _, f := range open {
		if !layers.Exists(f.Name) {
			continue
		}
		if err := assign(f, layers.Get(f.Name)); err != nil {
			return usagef("%s: %w", p.source(f.Name, file), err)
		}
	}
	return nil
}

// openFlags lists the flags of a command that may still be filled in, in the order of their names.
func (p *program) openFlags(cmd *cobra.Command) []*pflag.Flag {
	var open []*pflag.Flag
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed && settable(cmd, f.Name) {
			open = append(open, f)
		}
	})
	return open
}

// settable tells whether a flag of a command has a meaning outside its command line.
func settable(cmd *cobra.Command, name string) bool {
	switch name {
	case configFlag, "help", "version":
		return false
	}
	// How to speak to a cluster is no business of a command that runs a node of one.
	return cmd.Flags().Lookup(name) != nil && (cmd.GroupID != groupRun || !slices.Contains(usingFlags, name))
}

// environment reads the variables that name flags. An empty one counts as absent, as it does in most programs.
func (p *program) environment() koanf.Provider {
	return env.Provider(noDelimiter, env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: p.environ,
		TransformFunc: func(key, value string) (string, any) {
			if value == "" {
				return "", nil
			}
			return flagOf(key), value
		},
	})
}

// readConfig reads the file that --config or MUSTER_CONFIG names; nil where there is none.
func (p *program) readConfig(cmd *cobra.Command) (*configFile, error) {
	path := cmd.Flag(configFlag).Value.String()
	if path == "" {
		path = p.variable(configFlag)
	}
	if path == "" {
		return nil, nil
	}
	return readConfigFile(path)
}

// source names the place that a setting came from.
func (p *program) source(flag string, file *configFile) string {
	if p.variable(flag) != "" {
		return variableOf(flag)
	}
	return file.position(flag)
}

// variable looks a flag's variable up; the last one counts, as for a shell.
func (p *program) variable(flag string) string {
	value := ""
	for _, pair := range p.environ() {
		if rest, ok := strings.CutPrefix(pair, variableOf(flag)+"="); ok {
			value = rest
		}
	}
	return value
}

func variableOf(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func flagOf(variable string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, envPrefix), "_", "-"))
}

// assign gives a flag a value that does not come from the command line: a text, or from a file also a list or a map.
// A flag that takes several values takes them from one text between commas.
func assign(f *pflag.Flag, value any) error {
	f.Changed = true
	switch value := value.(type) {
	case string:
		several, ok := f.Value.(pairs)
		if !ok {
			return refused(value, f.Value.Set(value))
		}
		for pair := range strings.SplitSeq(value, ",") {
			if err := several.Set(pair); err != nil {
				return refused(pair, err)
			}
		}
		return nil
	case []string:
		list, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return fmt.Errorf("takes one value (%s) and not a list", f.Value.Type())
		}
		return list.Replace(value)
	case map[string]any:
		several, ok := f.Value.(pairs)
		if !ok {
			return fmt.Errorf("takes one value (%s) and not a map", f.Value.Type())
		}
		for k, v := range value {
			several[k] = fmt.Sprint(v)
		}
		return nil
	default:
		return fmt.Errorf("a value of the kind %T is not understood", value)
	}
}

// refused says which value a flag did not take, and why.
func refused(value string, err error) error {
	if err == nil {
		return nil
	}
	if number, ok := errors.AsType[*strconv.NumError](err); ok {
		err = number.Err
	}
	return fmt.Errorf("invalid value %q: %w", value, err)
}
