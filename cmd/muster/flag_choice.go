package main

import (
	"fmt"
	"slices"
	"strings"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value   string // the default, until Set
	allowed []string
}

// Set takes one of the words.
func (c *choice) Set(text string) error {
	if !slices.Contains(c.allowed, text) {
		return fmt.Errorf("must be %s", orList(c.allowed))
	}
	c.value = text
	return nil
}

// Type names the value in the help.
func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

func (c *choice) String() string { return c.value }

// orList joins words to "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
