package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
)

func identityIn(t *testing.T, dir string) *identity {
	t.Helper()
	id, err := openIdentity(dir, func(error) {})
	if err == nil {
		err = id.keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTheIdIsMadeOnceForADataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := identityIn(t, dir).get()
	if _, err := ulid.ParseStrict(first.RaftID); err != nil {
		t.Errorf("the id %q: %v", first.RaftID, err)
	}
	if again := identityIn(t, dir).get(); again.RaftID != first.RaftID || again.ClusterID != "" || again.Promise != nil {
		t.Errorf("first %+v, then %+v", first, again)
	}
	if other := identityIn(t, t.TempDir()).get(); other.RaftID == first.RaftID {
		t.Error("two directories have one id")
	}
}

func TestAPromiseBindsOnceAndForGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := identityIn(t, dir)
	given := promise{ClusterID: "A", Servers: []Server{{RaftID: "1", Label: "n1", Peer: "p1"}, {RaftID: "2"}}}
	refused := map[string]promise{
		"another cluster":                  {ClusterID: "B", Servers: given.Servers},
		"the same cluster, other servers":  {ClusterID: "A", Servers: given.Servers[:1]},
		"the same cluster, in other order": {ClusterID: "A", Servers: []Server{given.Servers[1], given.Servers[0]}},
	}
	if err := id.promise(given); err != nil {
		t.Fatal(err)
	}
	for range 2 { // before a restart and after it
		if err := id.promise(given); err != nil {
			t.Errorf("the same promise again: %v", err)
		}
		for name, p := range refused {
			if err := id.promise(p); err == nil {
				t.Errorf("%s was promised too", name)
			}
		}
		if err := id.join("B", 3); err == nil {
			t.Error("it joined another cluster than the promised one")
		}
		if got := id.get(); id.clusterID() != "A" || got.ClusterID != "" || !got.Promise.equal(given) {
			t.Errorf("bound to %q: %+v", id.clusterID(), got)
		}
		id = identityIn(t, dir)
	}
}

func TestAFounderIsTheProcessThatPromisedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := promise{ClusterID: "A", Servers: []Server{{RaftID: "1"}}}
	for run, want := range []bool{true, false} { // the second time after a restart, before the cluster was formed
		id := identityIn(t, dir)
		if id.isFounder() {
			t.Errorf("run %d: it has promised nothing yet", run)
		}
		for range 2 {
			if err := id.promise(p); err != nil || id.isFounder() != want {
				t.Errorf("run %d: %v, a founder: %t", run, err, id.isFounder())
			}
		}
	}
	id := identityIn(t, t.TempDir())
	if err := id.join("A", 3); err != nil || id.isFounder() {
		t.Errorf("who joins what is there is no founder: %v", err)
	}
}

func TestAMemberStaysInItsCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := identityIn(t, dir)
	p := promise{ClusterID: "A", Servers: []Server{{RaftID: "1"}}}
	if err := id.promise(p); err != nil {
		t.Fatal(err)
	}
	if err := id.join("A", 3); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := id.get(); got.ClusterID != "A" || got.Promise != nil {
			t.Errorf("%+v", got)
		}
		for name, err := range map[string]error{"join": id.join("A", 3), "promise": id.promise(p)} {
			if err != nil {
				t.Errorf("%s again: %v", name, err)
			}
		}
		for name, err := range map[string]error{"join": id.join("B", 3), "join nothing": id.join("", 3), "promise": id.promise(promise{ClusterID: "B"})} {
			if err == nil {
				t.Errorf("%s: it left its cluster", name)
			}
		}
		id = identityIn(t, dir)
	}
}

func TestWhatCouldNotBeWrittenWasNotPromised(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var failed error
	identityIn(t, dir)
	id, err := openIdentity(dir, func(err error) { failed = err })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "node.json.new"), 0o700); err != nil { // where the new file should go
		t.Fatal(err)
	}
	if err := id.promise(promise{ClusterID: "A"}); err == nil {
		t.Fatal("the promise was given without a trace on the disk")
	}
	if id.clusterID() != "" {
		t.Error("it holds itself to what it could not write")
	}
	if failed == nil {
		t.Error("nobody was told that the disk failed")
	}
}

func TestAHalfWrittenIdentityIsIgnored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := identityIn(t, dir)
	leftover := filepath.Join(dir, "node.json.new")
	if err := os.WriteFile(leftover, []byte(`{"format":1,"raft_id":"half`+strings.Repeat("x", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	again := identityIn(t, dir)
	if again.get().RaftID != id.get().RaftID {
		t.Error("the crash changed the id")
	}
	if err := again.join("A", 3); err != nil {
		t.Errorf("the leftover is in the way: %v", err)
	}
	if got := identityIn(t, dir).get(); got.ClusterID != "A" || got.RaftID != id.get().RaftID {
		t.Errorf("read back %+v", got)
	}
}

func TestAnIdentityThatCantBeTrustedStopsTheStart(t *testing.T) {
	t.Parallel()
	const damaged, newer = "is damaged", "start a newer muster"
	b, err := encodeIdentity(record{RaftID: "01X", ClusterID: "A"})
	if err != nil {
		t.Fatal(err)
	}
	whole := string(b)
	for _, c := range []struct{ name, content, says string }{
		{"empty", ``, damaged},
		{"cut off", whole[:len(whole)/2], damaged},
		{"with a bit that flipped in the id", strings.Replace(whole, "01X", "01Y", 1), damaged},
		{"with a bit that flipped in the cluster", strings.Replace(whole, `"A"`, `"C"`, 1), damaged},
		{"without a checksum", `{"format":1,"node":{"raft_id":"01X"}}`, damaged},
		{"without a node", `{"format":1}`, damaged},
		{"without a format", strings.Replace(whole, `"format": 1`, `"format": 0`, 1), damaged},
		{"not an object", `[]`, damaged},
		{"of a newer format", strings.Replace(whole, `"format": 1`, `"format": 2`, 1), newer},
		{"of a newer format that looks quite different", `{"format":3,"raft_id":{"v":1},"servers":7}`, newer},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "node.json")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := openIdentity(dir, func(error) {})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "%!") {
				t.Errorf("it says: %v", err)
			}
			if b, _ := os.ReadFile(path); string(b) != c.content {
				t.Errorf("the file was changed to %s", b)
			}
		})
	}
}
