package chaos

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/testcluster"
)

// The tests run in a network of their own, which they may cut to pieces. Where the machine does not give them one, those that
// need it say so and are skipped.
func TestMain(m *testing.M) {
	if err := testcluster.EnterNamespace(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
