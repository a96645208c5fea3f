package integration

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/testcluster"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}
