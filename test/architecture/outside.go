package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// public are the packages that users import into programs of their own, with all that lies below them.
var public = []string{"client", "lb", "breaker", "registry"}

// inside are the modules that only the server may bring along.
var inside = []string{
	"github.com/hashicorp/memberlist",
	"github.com/hashicorp/raft",
	"github.com/hashicorp/raft-autopilot",
	"github.com/hashicorp/raft-boltdb",
	"go.etcd.io/bbolt",
}

// within tells whether a path is that of the folder or package, or lies below it.
func within(path, above string) bool {
	return path == above || strings.HasPrefix(path, above+"/")
}

// broughtAlong finds the ways from a package to a module of the server: where one exists, the shortest is told. The
// graph says what each package imports.
func broughtAlong(graph map[string][]string, packages, inside []string) (offences []string) {
	for _, start := range packages {
		if way := wayInside(graph, start, inside); way != nil {
			offences = append(offences, fmt.Sprintf("%s is public, but brings along a part of the server: %s", start, strings.Join(way, " -> ")))
		}
	}
	return offences
}

// wayInside goes the imports breadth first and returns the first way that ends inside.
func wayInside(graph map[string][]string, start string, inside []string) []string {
	seen := map[string]bool{start: true}
	for ways := [][]string{{start}}; len(ways) > 0; ways = ways[1:] {
		way := ways[0]
		here := way[len(way)-1]
		if slices.ContainsFunc(inside, func(m string) bool { return within(here, m) }) {
			return way
		}
		for _, next := range graph[here] {
			if !seen[next] {
				seen[next] = true
				ways = append(ways, append(slices.Clone(way), next))
			}
		}
	}
	return nil
}
