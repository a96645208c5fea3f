package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/disk"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// spooling is as much of a node as takes a snapshot in, with a reserve of the disk.
func spooling(t *testing.T, reserve uint64) *Node {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	guard, err := disk.NewGuard(dir, reserve, log)
	if err != nil {
		t.Fatal(err)
	}
	return &Node{config: Config{DataDir: dir, Logger: log}, disk: guard}
}

// emptySnapshot is a whole one.
func emptySnapshot(t *testing.T) []byte {
	t.Helper()
	machine := fsm.NewMachine(store.Image{State: registry.NewState()}, func() string { return "c" })
	backup, err := machine.Backup()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := backup.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantNothingLeft(t *testing.T, n *Node) {
	t.Helper()
	left, err := os.ReadDir(n.config.DataDir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

func TestASnapshotIsKeptInAFileWithoutAName(t *testing.T) {
	n := spooling(t, 1)
	file, err := n.spool(bytes.NewReader(emptySnapshot(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	wantNothingLeft(t, n) // not even now, so that no end of the process leaves it behind
	for range 2 {
		summary, err := inspect(file)
		if err != nil || summary.ClusterID != "c" {
			t.Fatalf("inspected as %+v, error %v", summary, err)
		}
	}
}

func TestWhatIsNoWholeSnapshotIsRefusedBeforeAnythingIsProposed(t *testing.T) {
	whole := emptySnapshot(t)
	n := spooling(t, 1) // which has nobody to propose to
	for name, body := range map[string][]byte{"empty": nil, "cut off": whole[:len(whole)-1], "too long": append(bytes.Clone(whole), 0), "a text": []byte("no snapshot")} {
		_, err := n.Restore(t.Context(), bytes.NewReader(body))
		if !errors.Is(err, registry.ErrInvalid) || !strings.Contains(err.Error(), "no whole snapshot") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	wantNothingLeft(t, n)
}

func TestAnUploadThatBreaksOffFailsWithItsOwnError(t *testing.T) {
	broken := errors.New("the caller is gone")
	n := spooling(t, 1)
	if _, err := n.Restore(t.Context(), io.MultiReader(bytes.NewReader(emptySnapshot(t)), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	wantNothingLeft(t, n)
}

func TestASnapshotIsNotTakenInAtTheCostOfTheReserve(t *testing.T) {
	n := spooling(t, math.MaxUint64)
	if _, err := n.Restore(t.Context(), bytes.NewReader(emptySnapshot(t))); !errors.Is(err, fault.ErrDiskFull) {
		t.Errorf("error %v", err)
	}
	wantNothingLeft(t, n)
}

func TestANodeCarriesOutOneRestoreAtATime(t *testing.T) {
	n := spooling(t, 1)
	body, caller := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := n.Restore(context.WithoutCancel(t.Context()), body)
		ended <- err
	}()
	if _, err := caller.Write([]byte("the beginning")); err != nil { // is taken only when it reads
		t.Fatal(err)
	}
	if _, err := n.Restore(t.Context(), bytes.NewReader(nil)); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("a second one at the same time: error %v", err)
	}
	if err := caller.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("the first one: error %v", err)
	}
	if _, err := n.Restore(t.Context(), bytes.NewReader(nil)); errors.Is(err, fault.ErrConflict) {
		t.Errorf("another one afterwards: error %v", err)
	}
}
