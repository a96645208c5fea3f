package architecture

import "testing"

func TestAPublicPackageIsCaughtBringingAlongTheServer(t *testing.T) {
	graph := map[string][]string{
		"client":           {"wire", "other"},
		"wire":             {"fmt", "roundabout"},
		"roundabout":       {"other"},
		"other":            {"example.com/raft/v2/log", "client"},
		"registry":         {"fmt", "example.com/rafting"},
		"example.com/raft": {"fmt"},
	}
	expect(t, broughtAlong(graph, []string{"client", "registry"}, []string{"example.com/raft"}),
		"client is public, but brings along a part of the server: client -> other -> example.com/raft/v2/log",
	)
}
