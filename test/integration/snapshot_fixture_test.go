package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// readers read all services on all nodes until they are ended.
type readers struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

// startReaders fails the test where a node's index goes back, or a state is neither the old one nor, from some moment on, the
// new one.
func startReaders(t *testing.T, nodes []*testcluster.Process, old, next string) *readers {
	ctx, stop := context.WithCancel(t.Context())
	r := &readers{stop: stop}
	for _, p := range nodes {
		r.done.Go(func() {
			index, before, reads := uint64(0), old, 0
			for ctx.Err() == nil {
				answer, err := testcluster.Get(ctx, p.HTTP+"/v1/services")
				if ctx.Err() != nil {
					break
				}
				if err != nil || answer.Status != http.StatusOK {
					t.Errorf("read at %s: %v, %d %s", p.Name, err, answer.Status, answer.Body)
					return
				}
				now, seen := number(t, answer.Index()), signatureIn(t, answer)
				if now < index || seen != before && seen != next {
					t.Errorf("%s went from index %d to %d and shows %s", p.Name, index, now, seen)
					return
				}
				index, before, reads = now, seen, reads+1
			}
			t.Logf("%d reads at %s", reads, p.Name)
		})
	}
	t.Cleanup(r.end)
	return r
}

func (r *readers) end() {
	r.stop()
	r.done.Wait()
}

// signature sums up all services of a node at an index.
func signature(t *testing.T, node, minIndex string) string {
	t.Helper()
	return signatureIn(t, get(t, node+"/v1/services?min_index="+minIndex))
}

func signatureIn(t testing.TB, answer testcluster.Answer) string {
	t.Helper()
	var services wire.Services
	if err := answer.Decode(&services); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, s := range services.Services {
		parts = append(parts, fmt.Sprintf("%s:%d", s.Name, s.Instances))
	}
	return strings.Join(parts, " ")
}

func signatureOf(state *registry.State) string {
	var parts []string
	for s := range state.Services() {
		parts = append(parts, fmt.Sprintf("%s:%d", s.Name(), s.Len()))
	}
	return strings.Join(parts, " ")
}

// populated is a backup of n instances of fifty services, each with a padding, taken at an index.
func populated(n, padding int, index uint64) fsm.Backup {
	edit := registry.NewState().Edit()
	var hash record.Hash
	for k := range n {
		i := &registry.Instance{
			Service: fmt.Sprintf("service-%03d", k%50), ID: fmt.Sprintf("i%04d", k), Address: "10.0.0.7", Port: 80, Weight: 100,
			Metadata: map[string]string{"padding": strings.Repeat("x", padding)}, Status: registry.Healthy,
			CreateIndex: index, ModifyIndex: index, Incarnation: index,
		}
		edit.Put(i)
		hash.Add(i)
	}
	edit.SetIndex(index)
	machine := fsm.NewMachine(store.Image{Index: index, Term: 1, Hash: hash, State: edit.Commit()}, func() string { return "backup" })
	backup, err := machine.Backup()
	if err != nil {
		panic(err) // a machine that was just made is in no doubt
	}
	return backup
}

func write(t *testing.T, file string, from io.WriterTo) {
	t.Helper()
	var b bytes.Buffer
	if _, err := from.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// load is the state in a file.
func load(t *testing.T, file string) *registry.State {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	machine := fsm.NewMachine(store.Image{State: registry.NewState()}, func() string { return "" })
	if err := machine.Restore(f); err != nil {
		t.Fatal(err)
	}
	return machine.Publisher().State()
}

func idsIn(t *testing.T, file string) []string {
	t.Helper()
	var ids []string
	for i := range load(t, file).Service("payments").Instances() {
		ids = append(ids, i.ID)
	}
	return ids
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(id string) bool { return !slices.Contains(all, id) })
}

func instanceAt(t *testing.T, node, service, id string) registry.Instance {
	t.Helper()
	var i registry.Instance
	if err := get(t, instanceURL(node, service, id)).Decode(&i); err != nil {
		t.Fatal(err)
	}
	return i
}

// indexIn is the index that a restore printed.
func indexIn(t *testing.T, output string) string {
	t.Helper()
	_, rest, found := strings.Cut(output, "(index ")
	index, _, closed := strings.Cut(rest, ")")
	if !found || !closed {
		t.Fatalf("no index in %q", output)
	}
	return index
}

func number(t testing.TB, index string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(index, 10, 64)
	if err != nil {
		t.Error(err)
	}
	return n
}

// putSnapshot restores what need be no snapshot.
func putSnapshot(t *testing.T, node string, content []byte) testcluster.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, node+wire.PathSnapshot, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return testcluster.Answer{Status: response.StatusCode, Header: response.Header, Body: body}
}

// startCommand runs the program beside the test; end waits for it.
func startCommand(t *testing.T, args ...string) (end func() (output string, err error)) {
	done := make(chan struct{})
	var output string
	var err error
	go func() {
		output, err = command(t, args...)
		close(done)
	}()
	return func() (string, error) {
		<-done
		return output, err
	}
}

func appliedAt(ctx context.Context, p *testcluster.Process) (uint64, error) {
	var self wire.Self
	answer, err := testcluster.Get(ctx, p.HTTP+wire.PathSelf)
	if err == nil {
		err = answer.Decode(&self)
	}
	return self.AppliedIndex, err
}
