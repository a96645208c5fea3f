package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/wire"
)

// filled is the address of a registry with three instances of two services.
func filled(t *testing.T) string {
	t.Helper()
	addr := serveMemory(t)
	for _, of := range []string{"payments --port 1", "payments --port 2", "orders --port 3"} {
		runAt(t, addr, split("register "+of+" --address 10.0.0.7")...)
	}
	return addr
}

// savedFile is a snapshot of it.
func savedFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup.snapshot")
	if got := runAt(t, filled(t), "snapshot", "save", path); got.status != exitDone {
		t.Fatal(got.stderr)
	}
	return path
}

func TestASnapshotIsSavedInspectedVerifiedAndRestored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup.snapshot")
	runAt(t, filled(t), "snapshot", "save", path).want(t, exitDone, `
saved 3 instances of 2 services at index 3 of cluster C1, 473 bytes in `+path+"\n")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, error %v", info, err)
	}
	if _, err := os.Stat(path + ".part"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part: %v", err)
	}

	none := nobody(t)
	runAt(t, none, "snapshot", "verify", path).want(t, exitDone, path+" is whole: 3 instances of 2 services at index 3 of cluster C1, 473 bytes\n")
	got := runAt(t, none, "snapshot", "inspect", path)
	for _, line := range []string{
		"format      1\n", "cluster     C1\n", "index       3\n", "term        3\n", "instances   3\n", "services    2\n", "size        473 bytes\n",
		"SERVICE   INSTANCES  INDEX\norders    1          3\npayments  2          2\n",
	} {
		if !strings.Contains(got.stdout, line) {
			t.Errorf("it does not show %q:\n%s", line, got.stdout)
		}
	}

	fresh := serveMemory(t)
	runAt(t, fresh, "snapshot", "restore", path).want(t, exitDone, "restored 3 instances of 2 services from "+path+" (index 3)\n")
	runAt(t, fresh, "services").want(t, exitDone, `
SERVICE   INSTANCES  HEALTHY  TAGS
orders    1          1        -
payments  2          2        -
`)
}

func TestASnapshotInJSON(t *testing.T) {
	path := savedFile(t)
	var summary struct {
		Index, Instances int
		ClusterID        string `json:"cluster_id"`
		SHA256           string
		Bytes            int64
		Services         []fsm.ServiceSummary
	}
	got := runAt(t, nobody(t), "snapshot", "inspect", path, "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Index != 3 || summary.Instances != 3 || summary.ClusterID != "C1" || summary.Bytes != 473 ||
		len(summary.SHA256) != 64 || len(summary.Services) != 2 || summary.Services[1] != (fsm.ServiceSummary{Name: "payments", Index: 2, Instances: 2}) {
		t.Errorf("inspected as %s", got.stdout)
	}
	for _, command := range []string{"verify", "save"} {
		if again := runAt(t, filled(t), "snapshot", command, path, "-o", "json"); again.stdout != got.stdout {
			t.Errorf("%s says %s", command, again.stdout)
		}
	}
	runAt(t, serveMemory(t), "snapshot", "restore", path, "-o", "json").want(t, exitDone, `
{
  "index": 3,
  "instances": 3,
  "services": 2
}
`)
}

func TestASnapshotGoesToTheStandardOutput(t *testing.T) {
	got := runAt(t, filled(t), "snapshot", "save", "-")
	if summary, err := fsm.Inspect(strings.NewReader(got.stdout)); err != nil || summary.Instances != 3 || got.status != exitDone {
		t.Errorf("status %d, %d instances, error %v", got.status, summary.Instances, err)
	}
	if !strings.HasPrefix(got.stderr, "saved 3 instances of 2 services") {
		t.Errorf("stderr: %s", got.stderr)
	}
}

func TestADamagedFileIsRefusedEverywhere(t *testing.T) {
	path := savedFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-20] ^= 4
	addr := serveMemory(t)
	for name, c := range map[string]struct {
		content []byte
		words   string
	}{
		"flipped": {flipped, "checksum"},
		"cut off": {whole[:len(whole)-7], "cut off"},
		"longer":  {append(bytes.Clone(whole), 'x'), "cut off"},
		"empty":   {nil, "ends before its trailer"},
		"a text":  {[]byte("this is no snapshot, it is a text"), "damaged record"},
	} {
		t.Run(name, func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "damaged.snapshot")
			if err := os.WriteFile(damaged, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"verify", "inspect", "restore"} {
				runAt(t, addr, "snapshot", command, damaged).fails(t, exitFailed, damaged+" is no whole snapshot", c.words)
			}
		})
	}
	runAt(t, addr, "services").want(t, exitDone, "SERVICE  INSTANCES  HEALTHY  TAGS\n")
}

// serveHalf serves the first half of a document.
func serveHalf(t *testing.T, document []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(document)))
		_, _ = w.Write(document[:len(document)/2])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestASaveThatFailsLeavesWhatWasThere(t *testing.T) {
	path := savedFile(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	runAt(t, serveProblem(t, wire.NewProblem(wire.CodeNoLeader, "nobody leads")), "snapshot", "save", path).fails(t, exitNoLeader, "nobody leads")
	runAt(t, nobody(t), "snapshot", "save", path).fails(t, exitUnreachable, "connection refused")
	half := serveHalf(t, before)
	runAt(t, half, "snapshot", "save", path).fails(t, exitFailed, "no snapshot was saved", half)

	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, error %v", err)
	}
	if _, err := os.Stat(path + ".part"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part: %v", err)
	}
}

func TestSnapshotsUsedWrong(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	addr := serveMemory(t)
	for command, c := range map[string]struct {
		status int
		words  string
	}{
		"snapshot":                                {exitUsage, "save, restore, inspect or verify"},
		"snapshot load x":                         {exitUsage, `nothing called "load"`},
		"snapshot save":                           {exitUsage, "FILE is missing: muster snapshot save FILE"},
		"snapshot verify a b":                     {exitUsage, `"b" is one argument too many`},
		"snapshot save " + dir:                    {exitUsage, "is a directory"},
		"snapshot save " + missing + "/x":         {exitFailed, "no such file or directory"},
		"snapshot inspect " + missing:             {exitFailed, "no such file or directory"},
		"snapshot restore " + missing:             {exitFailed, "no such file or directory"},
		"snapshot inspect --curl " + dir:          {exitUsage, "--curl: 'muster snapshot inspect' makes no call"},
		"snapshot verify --curl " + dir:           {exitUsage, "makes no call"},
		"snapshot save --addr ftp://x " + missing: {exitUsage, "is not the address of a node"},
	} {
		t.Run(command, func(t *testing.T) { runAt(t, addr, split(command)...).fails(t, c.status, c.words) })
	}
}

func TestSnapshotsAsCurlDoesThem(t *testing.T) {
	runAt(t, "http://h:1", "snapshot", "save", "f", "--curl").want(t, exitDone, "curl --fail-with-body -o f http://h:1/v1/cluster/snapshot\n")
	runAt(t, "http://h:1", "snapshot", "restore", "f", "--curl").want(t, exitDone, "curl --fail-with-body -T f http://h:1/v1/cluster/snapshot\n")
}

func TestARestoreThatTheClusterRefuses(t *testing.T) {
	path := savedFile(t)
	for code, status := range map[wire.Code]int{wire.CodeConflict: exitConflict, wire.CodeNoLeader: exitNoLeader, wire.CodeTimeout: exitTimeout} {
		p := wire.NewProblem(code, "the very words")
		p.Outcome = wire.NotApplied
		runAt(t, serveProblem(t, p), "snapshot", "restore", path).fails(t, status, "the very words")
	}
}
