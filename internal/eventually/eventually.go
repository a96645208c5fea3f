package eventually

import (
	"testing"
	"time"
)

// Succeeds waits until check finds nothing wrong any more, and fails the test where that takes longer than patience, with
// what check says then. The patience should be long, since the machine may be busy.
func Succeeds(t testing.TB, patience time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v still: %v", patience, err)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}
