package integration

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/testcluster"
)

func TestMain(m *testing.M) {
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
