package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// configFile is a YAML file of settings: one map whose keys are the names of flags. It keeps where each key stands, and
// the values as they are written, so that they can be parsed as on a command line.
type configFile struct {
	path   string
	keys   []string // in the order of the file
	lines  map[string]int
	values map[string]any // string, []string or map[string]any of strings
}

func readConfigFile(path string) (*configFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("the file of --config can't be read: %w", err)
	}
	c := &configFile{path: path, lines: map[string]int{}, values: map[string]any{}}
	if err := c.read(bytes.NewReader(text)); err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	return c, nil
}

func (c *configFile) read(r io.Reader) error {
	decoder := yaml.NewDecoder(r)
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil // An empty file leaves everything open.
	case err != nil:
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("holds more than one YAML document")
	}
	settings := document.Content[0]
	if absent(settings) {
		return nil
	}
	if settings.Kind != yaml.MappingNode {
		return fmt.Errorf(`line %d: expected settings such as "data-dir: /var/lib/muster"`, settings.Line)
	}
	for i := 0; i < len(settings.Content); i += 2 {
		if err := c.set(settings.Content[i], settings.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *configFile) set(key, value *yaml.Node) error {
	name := key.Value
	if line, twice := c.lines[name]; twice {
		return fmt.Errorf("line %d: %s was already given in line %d", key.Line, name, line)
	}
	c.keys = append(c.keys, name)
	c.lines[name] = key.Line
	if absent(value) {
		return nil
	}
	read, err := valueOf(value)
	if err != nil {
		return fmt.Errorf("line %d: %s: %w", value.Line, name, err)
	}
	c.values[name] = read
	return nil
}

// valueOf reads a value as it is written: the port 0123 stays 0123, whatever YAML thinks of leading zeros.
func valueOf(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.AliasNode:
		return valueOf(n.Alias)
	case yaml.SequenceNode:
		list := make([]string, 0, len(n.Content))
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, errors.New("a list may hold only plain values")
			}
			list = append(list, item.Value)
		}
		return list, nil
	default:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.ScalarNode {
				return nil, errors.New("a map may hold only plain values")
			}
			m[n.Content[i].Value] = n.Content[i+1].Value
		}
		return m, nil
	}
}

// absent tells whether nothing stands where a value could.
func absent(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// refuseUnknown finds keys that are no settings of the command, so that a typo is not lost.
func (c *configFile) refuseUnknown(cmd *cobra.Command) error {
	i := slices.IndexFunc(c.keys, func(key string) bool { return !settable(cmd, key) })
	if i < 0 {
		return nil
	}
	key := c.keys[i]
	if meant := strings.ToLower(strings.ReplaceAll(key, "_", "-")); meant != key && settable(cmd, meant) {
		return usagef("%s: unknown key, did you mean %s?", c.position(key), meant)
	}
	return usagef("%s: unknown key: the keys are the long names of the flags of '%s'", c.position(key), cmd.CommandPath())
}

// position says where a key stands.
func (c *configFile) position(key string) string {
	return fmt.Sprintf("%s, line %d: %s", c.path, c.lines[key], key)
}

// Read makes a configFile a layer for koanf.
func (c *configFile) Read() (map[string]any, error) { return c.values, nil }

// ReadBytes is the other way to be a layer for koanf, which takes either.
func (c *configFile) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }
