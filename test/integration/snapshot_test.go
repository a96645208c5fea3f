package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// A snapshot is saved while writes go on; much changes; it is restored while others read on every node. They see what was
// there or what was saved, and no index ever goes back.
func TestASnapshotIsSavedUnderWritesAndRestoredUnderReads(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	file := filepath.Join(t.TempDir(), "backup.snapshot")
	register(t, c.Nodes[0].HTTP, "gone", "g1")
	writers := startStream(t, c.Nodes...)
	for _, p := range c.Nodes {
		writers.progress(30)
		before := writers.soFar()
		mustCommand(t, "snapshot", "save", file, "--addr", p.HTTP)
		mustCommand(t, "snapshot", "verify", file)
		if saved := idsIn(t, file); !containsAll(saved, before) {
			t.Fatalf("%d registrations were acknowledged before, and not all are among the %d that %s saved", len(before), len(saved), p.Name)
		}
	}
	writers.end()
	answer, err := testcluster.Do(t.Context(), "DELETE", instanceURL(c.Nodes[0].HTTP, "gone", "g1"), "")
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%v: %d %s", err, answer.Status, answer.Body)
	}
	later := register(t, c.Nodes[1].HTTP, "later", "l1")
	old, saved := signature(t, c.Nodes[0].HTTP, later), signatureOf(load(t, file))

	readers := startReaders(t, c.Nodes, old, saved)
	output := mustCommand(t, "snapshot", "restore", file, "--addr", c.Others(c.Leader())[0].HTTP)
	index := indexIn(t, output)
	for _, p := range c.Nodes {
		if got := signature(t, p.HTTP, index); got != saved {
			t.Errorf("%s shows %s, and %s was saved", p.Name, got, saved)
		}
		if answer := get(t, p.HTTP+"/v1/services/later"); answer.Status != http.StatusNotFound {
			t.Errorf("%s still shows what was not saved: %d %s", p.Name, answer.Status, answer.Body)
		}
	}
	readers.end()
	testcluster.RequireSameState(t, c)
	if after := register(t, c.Nodes[2].HTTP, "later", "l2"); number(t, after) <= number(t, index) {
		t.Errorf("a write after the restore has index %s, the restore %s", after, index)
	}
}

func TestASnapshotIsRestoredIntoAnotherClusterWhateverItsIndex(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	for name, taken := range map[string]uint64{"higher": 1_000_000, "lower": 1} {
		file := filepath.Join(t.TempDir(), name)
		write(t, file, populated(500, 20, taken))
		before := register(t, c.Nodes[0].HTTP, "before", name)
		index := indexIn(t, mustCommand(t, "snapshot", "restore", file, "--addr", c.Nodes[1].HTTP))
		if number(t, index) <= number(t, before) || number(t, index) > number(t, before)+20 {
			t.Errorf("%s: restored at %s, after a write at %s", name, index, before)
		}
		for _, p := range c.Nodes {
			if got, want := signature(t, p.HTTP, index), signatureOf(load(t, file)); got != want {
				t.Errorf("%s: %s shows %s, want %s", name, p.Name, got, want)
			}
			i := instanceAt(t, p.HTTP, "service-007", "i0007")
			if want := number(t, index); i.CreateIndex != want || i.ModifyIndex != want || i.Incarnation != want {
				t.Errorf("%s: an instance is at %d, %d and %d; all should be at %d", name, i.CreateIndex, i.ModifyIndex, i.Incarnation, want)
			}
		}
		if id := idOf(t, c.Nodes[0]); id == "backup" || id == "" {
			t.Errorf("the cluster's id became %q", id)
		}
	}
	testcluster.RequireSameState(t, c)
}

func TestADamagedSnapshotChangesNothing(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	index := register(t, c.Nodes[0].HTTP, "payments", "p1")
	var b bytes.Buffer
	if _, err := populated(500, 20, 7).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/3] ^= 1
	for name, content := range map[string][]byte{
		"flipped": flipped, "cut off": whole[:len(whole)-9], "too long": append(bytes.Clone(whole), whole...), "empty": {}, "a text": []byte("no snapshot"),
	} {
		p := requireProblem(t, putSnapshot(t, c.Nodes[1].HTTP, content), http.StatusBadRequest, wire.CodeInvalidRequest)
		if p.Outcome != wire.NotApplied || !strings.Contains(p.Detail, "no whole snapshot") {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for _, p := range c.Nodes {
		if answer := get(t, p.HTTP+"/v1/services?min_index="+index); answer.Index() != index {
			t.Errorf("%s went on to index %s: something was proposed", p.Name, answer.Index())
		}
		if left, err := filepath.Glob(filepath.Join(p.DataDir, "*.tmp")); err != nil || len(left) > 0 {
			t.Errorf("%s left %v behind, error %v", p.Name, left, err)
		}
	}
}

// The leader dies when it has some of the chunks. A node that carries the restore goes on with the next leader; where it
// was the leader that carried it, the client begins anew.
func TestARestoreOutlivesTheLeader(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	file := filepath.Join(t.TempDir(), "large.snapshot")
	write(t, file, populated(9_000, 1000, 1))
	want := signatureOf(load(t, file))

	for _, carrier := range []string{"a follower", "the leader", "a follower"} {
		before := number(t, register(t, c.Nodes[0].HTTP, "before", "b1"))
		leader := c.Leader()
		through := leader
		if carrier != "the leader" {
			through = c.Others(leader)[0]
		}
		restore := startCommand(t, "snapshot", "restore", file, "--addr", through.HTTP)
		await(t, func(ctx context.Context) error { // some chunks are in the log
			applied, err := appliedAt(ctx, c.Others(leader)[1])
			if err == nil && applied < before+3 {
				err = fmt.Errorf("at index %d so far", applied)
			}
			return err
		})
		leader.Kill()
		killed := time.Now()
		output, err := restore()
		t.Logf("%s: %s after the kill the restore that it carries has ended", carrier, time.Since(killed).Round(time.Millisecond))
		if through == leader {
			if err == nil {
				t.Fatalf("the node that carried the restore was killed and it says %s", output)
			}
			others := c.Others(leader)
			output, err = command(t, "snapshot", "restore", file, "--addr", others[0].HTTP+","+others[1].HTTP)
		}
		if err != nil {
			t.Fatalf("a restore that %s carries ended with %v: %s", carrier, err, output)
		}
		leader.Start()
		c.AwaitReady()
		testcluster.RequireSameState(t, c)
		for _, p := range c.Nodes {
			if got := signature(t, p.HTTP, indexIn(t, output)); got != want {
				t.Errorf("after a restore that %s carried %s shows another state", carrier, p.Name)
			}
		}
	}
}
