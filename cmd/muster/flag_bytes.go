package main

import (
	"errors"
	"strconv"
	"strings"
)

// byteSize is a flag that takes an amount of bytes: a plain number, or one with a unit.
type byteSize uint64

var errByteSize = errors.New("must be a number of bytes such as 268435456, or one with a unit such as 64KiB, 256MiB, 2GiB")

// Set takes an amount.
func (b *byteSize) Set(text string) error {
	number, shift := text, 0
	for suffix, s := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40} {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			number, shift = strings.TrimSpace(n), s
		}
	}
	n, err := strconv.ParseUint(number, 10, 64-shift)
	if err != nil {
		return errByteSize
	}
	*b = byteSize(n << shift)
	return nil
}

// Type names the value in the help.
func (b *byteSize) Type() string { return "bytes" }

// String is empty for none, so that the help shows no default of its own.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*b), 10)
}
