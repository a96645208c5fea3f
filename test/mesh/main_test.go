package mesh

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/child"
	"github.com/musterhq/muster/internal/testcluster"
)

// roleInstance is the role of the processes that serve.
const roleInstance = "instance"

func TestMain(m *testing.M) {
	if child.Play(map[string]child.Role{roleInstance: serve}) {
		return
	}
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
