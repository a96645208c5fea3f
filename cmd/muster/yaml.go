package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// toYAML turns JSON into YAML: the same fields in the same order. It goes by the tokens, since what YAML reads as its
// own is not quite all of JSON.
func toYAML(w io.Writer, text io.Reader) error {
	tokens := json.NewDecoder(text)
	tokens.UseNumber()
	document, err := nextNode(tokens)
	if err != nil {
		return err
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return err
	}
	return encoder.Close()
}

// nextNode reads one value with all that is in it.
func nextNode(tokens *json.Decoder) (*yaml.Node, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		return collection(tokens, token)
	case string:
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: token}
		if strings.ContainsFunc(token, unicode.IsControl) {
			// The forms without quotes for several lines can't begin with every kind of white space.
			n.Style = yaml.DoubleQuotedStyle
		}
		return n, nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: token.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(token)}, nil
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
}

// collection reads an object or a list whose opening was just read. An empty one stays in the short form of JSON, the
// only one that YAML has for it.
func collection(tokens *json.Decoder, opening json.Delim) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if opening == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for tokens.More() {
		// The keys of an object are values like those of a list, and stand in a YAML node before their own.
		item, err := nextNode(tokens)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, item)
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	_, err := tokens.Token() // the closing
	return n, err
}
