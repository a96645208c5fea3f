package herd

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/child"
	"github.com/musterhq/muster/internal/testcluster"
)

// rolePart is the role of the processes in which the clients live.
const rolePart = "part"

func TestMain(m *testing.M) {
	if child.Play(map[string]child.Role{rolePart: playPart}) {
		return
	}
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
