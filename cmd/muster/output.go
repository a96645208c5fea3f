package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"text/tabwriter"
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
		return toYAML(w, &text)
	}
	_, err := w.Write(text.Bytes())
	return err
}

// encodeItem prints one of any number of bodies: as a line of JSON, or as a document of YAML.
func encodeItem(w io.Writer, format string, body any) error {
	if format == formatYAML {
		if _, err := io.WriteString(w, "---\n"); err != nil {
			return err
		}
		return encode(w, format, body)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(body)
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
