//go:build !linux

package store

import (
	"os"
	"testing"
)

// unprivileged calls f with the rights of a plain user to files. Root has no way to give up its own for a while here.
func unprivileged(t *testing.T, f func()) {
	if os.Geteuid() == 0 {
		t.Skip("root may open everything")
	}
	f()
}
