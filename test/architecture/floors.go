package architecture

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// module is the path of the module whose packages have floors.
const module = "github.com/musterhq/muster"

// floors gives each package its floor; a package imports only from floors below its own. A row that ends in "..." stands
// for all packages in that folder. Rooms that are planned have their row already. A new package gets a row in the commit
// that adds it: the lowest floor that its imports allow.
var floors = map[string]int{
	"registry":       0, // what an instance is, and the state in memory
	"breaker":        0, // refusing calls that will fail
	"internal/fault": 0, // the ways in which a cluster can fail to answer

	"internal/boltfile": 0, // a bbolt file that must not be believed
	"internal/crc32c":   0, // the checksum of everything on a disk or in the log
	"internal/pause":    0, // letting time pass
	"internal/datadir":  0, // the directory that a node keeps its files in

	"internal/child":      0, // the further processes of tests
	"internal/dice":       0, // random choices of tests
	"internal/overlay":    0, // what tests change of the product's source
	"internal/harm":       0, // damage to the files of tests
	"internal/eventually": 0, // the waiting of tests

	"health/probe":      1, // asking one instance once
	"lb":                1, // choosing one of many
	"internal/disk":     1, // how much space is left for a node's data
	"internal/raftdisk": 1, // what Raft keeps on disk: log, vote, snapshots
	"internal/record":   1, // an instance as canonical bytes
	"internal/roster":   1, // who watches and wants to be waited for
	"internal/wire":     1, // what server and client share of HTTP

	"internal/onlooker":    2, // the acknowledging watchers of tests
	"internal/consistency": 2, // what clients may have seen

	"health":       2, // leases, the schedule of checks, verdicts
	"cluster":      2, // being a member: gossip, Raft, who leads
	"store":        2, // the checkpoint on disk
	"internal/api": 2, // the calls of the contract, as the SDK and the command line make them

	"client/mesh":         2, // HTTP calls by the name of a service
	"client/grpcresolver": 2, // gRPC calls by the name of a service

	"client":         3, // the SDK
	"fsm":            3, // both ends of the log
	"internal/watch": 3, // what to tell whom of what changed

	"internal/checks":     4, // asking instances together, and what the leader believes
	"internal/audit":      4, // comparing the states of the nodes
	"internal/heartbeats": 4, // from a client's heartbeat to a lease, and back
	"http":                4, // what the outside speaks
	"dns":                 4,

	"internal/node": 5, // one node, assembled

	"cmd/muster":           6, // flags and signals
	"internal/testcluster": 6, // N nodes for tests
	"examples/spans":       5, // what two examples share
	"examples/...":         6,

	"test/...": 7,
}

// floorOf finds the floor of the package in dir.
func floorOf(dir string, floors map[string]int) (int, bool) {
	if floor, ok := floors[dir]; ok {
		return floor, true
	}
	folder, _, _ := strings.Cut(dir, "/")
	floor, ok := floors[folder+"/..."]
	return floor, ok
}

// offFloor finds the packages without a floor, and the imports that do not lead down. Tests may import what they like.
func offFloor(files []file, floors map[string]int) (offences []string) {
	type edge struct{ from, to string }
	first := map[edge]string{} // the file in which the edge was seen first
	dirs := map[string]bool{}
	for _, f := range files {
		dir := path.Dir(f.path)
		dirs[dir] = true
		if f.test {
			continue
		}
		for _, imported := range f.imports {
			if to, ok := strings.CutPrefix(imported, module+"/"); ok {
				e := edge{dir, to}
				first[e] = cmp.Or(first[e], f.path)
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if _, ok := floorOf(dir, floors); !ok {
			offences = append(offences, fmt.Sprintf("%s has no floor: give it a row in test/architecture/floors.go", dir))
		}
	}
	for e, in := range first {
		from, ok := floorOf(e.from, floors)
		to, known := floorOf(e.to, floors)
		if ok && known && to >= from {
			offences = append(offences, fmt.Sprintf("%s: %s (floor %d) imports %s (floor %d): a package imports only from floors below its own",
				in, e.from, from, e.to, to))
		}
	}
	slices.Sort(offences)
	return offences
}
