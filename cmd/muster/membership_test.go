package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLeadershipIsHandedOver(t *testing.T) {
	addr := serveMemory(t)
	runAt(t, addr, "cluster", "transfer").want(t, exitDone, "n2 leads now\n")
	runAt(t, addr, "cluster", "transfer", "n3").want(t, exitDone, "n3 leads now\n")
	runAt(t, addr, "cluster", "transfer", "n3", "-o", "json").want(t, exitDone, "{\n  \"leader\": \"n3\"\n}\n")
	runAt(t, addr, "cluster", "transfer", "n3", "n2").fails(t, exitUsage, "one argument too many")
}

func TestANodeIsRemoved(t *testing.T) {
	addr := serveMemory(t)
	runAt(t, addr, "cluster", "remove", "n3").want(t, exitDone, "removed n3 (R1)\n")
	runAt(t, addr, "cluster", "remove", "n1").fails(t, exitConflict, "would lose its majority")
	runAt(t, addr, "cluster", "remove", "n1", "--force").want(t, exitDone, "removed n1 (R1)\n")
	runAt(t, addr, "cluster", "remove").fails(t, exitUsage, "NODE is missing")
}

func TestNodesAreCompleted(t *testing.T) {
	got := runAt(t, serveMemory(t), "__complete", "cluster", "remove", "")
	if diff := cmp.Diff("n1\nn2\nn3\n:4\n", got.stdout); diff != "" {
		t.Error(diff)
	}
}
