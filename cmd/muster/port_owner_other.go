//go:build !linux

package main

// portOwner finds the process that holds a port: nowhere but on Linux without the help of another program.
func portOwner(_, _ string) (process, bool) { return process{}, false }
