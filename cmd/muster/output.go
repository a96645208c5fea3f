package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
)

// The ways in which an answer is printed.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

// encode prints a body as the contract has it, indented: the same fields under the same names in the same order.
func encode(w io.Writer, format string, body any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(body); err != nil {
		return err
	}
	if format == formatYAML {
		return toYAML(w, text.Bytes())
	}
	_, err := w.Write(text.Bytes())
	return err
}

// toYAML turns JSON, which is YAML of a kind, into the kind that people write.
func toYAML(w io.Writer, text []byte) error {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	plainStyle(&document)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return err
	}
	return encoder.Close()
}

// plainStyle takes the braces and quotes of JSON off; the encoder puts back those that are needed.
func plainStyle(n *yaml.Node) {
	empty := len(n.Content) == 0 && n.Kind != yaml.ScalarNode
	if !empty {
		n.Style = 0
	}
	for _, child := range n.Content {
		plainStyle(child)
	}
}

// table prints rows in columns under a header. An empty cell becomes a dash, so that every row has as many words.
func table(w io.Writer, header []string, rows [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = cell
			if cell == "" {
				cells[i] = "-"
			}
		}
		if _, err := io.WriteString(columns, strings.Join(cells, "\t")+"\n"); err != nil {
			return err
		}
	}
	return columns.Flush()
}
