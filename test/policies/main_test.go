package policies

import (
	"testing"

	"github.com/musterhq/muster/internal/child"
)

// The roles of this package's processes.
const (
	roleServer = "server"
	roleCaller = "caller"
)

func TestMain(m *testing.M) {
	if !child.Play(map[string]child.Role{roleServer: serve, roleCaller: call}) {
		m.Run() // its status is the process's when TestMain returns
	}
}
