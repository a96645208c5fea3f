package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pairs is a flag that may be given many times, each time with one key and its value. A value may hold commas and
// further equals signs.
type pairs map[string]string

// Set adds one pair.
func (p pairs) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return fmt.Errorf("must look like key=value")
	}
	p[key] = value
	return nil
}

// Type names the value in the help.
func (p pairs) Type() string { return "key=value" }

// String lists the pairs in the order of their keys.
func (p pairs) String() string {
	list := make([]string, 0, len(p))
	for _, key := range slices.Sorted(maps.Keys(p)) {
		list = append(list, key+"="+p[key])
	}
	return strings.Join(list, ",")
}
