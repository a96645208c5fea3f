package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// world is the registry behind fake nodes: the whole history, in whole states. The state at index n is history[n].
type world struct {
	mu      sync.Mutex
	cluster string
	history []map[string]map[string]registry.Instance
	changed chan struct{}
}

func newWorld(cluster string) *world {
	return &world{cluster: cluster, history: []map[string]map[string]registry.Instance{{}, {}}, changed: make(chan struct{})}
}

// edit makes the next state, and returns its index.
func (w *world) edit(change func(services map[string]map[string]registry.Instance, index uint64)) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := map[string]map[string]registry.Instance{}
	for service, instances := range w.history[len(w.history)-1] {
		next[service] = map[string]registry.Instance{}
		maps.Copy(next[service], instances)
	}
	index := uint64(len(w.history))
	change(next, index)
	w.history = append(w.history, next)
	close(w.changed)
	w.changed = make(chan struct{})
	return index
}

func (w *world) put(service, id string, status registry.Status) uint64 {
	return w.edit(func(s map[string]map[string]registry.Instance, index uint64) {
		if s[service] == nil {
			s[service] = map[string]registry.Instance{}
		}
		s[service][id] = registry.Instance{Service: service, ID: id, Address: "10.0.0.1", Port: 80, Status: status, ModifyIndex: index}
	})
}

func (w *world) newest() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return uint64(len(w.history) - 1)
}

// rewind sets the registry back by so many states, as a restore of old data does.
func (w *world) rewind(states int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = slices.Clone(w.history[:max(len(w.history)-states, 2)])
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) remove(service, id string) uint64 {
	return w.edit(func(s map[string]map[string]registry.Instance, _ uint64) {
		delete(s[service], id)
		if len(s[service]) == 0 {
			delete(s, service)
		}
	})
}

// node is one fake node, which has applied the history up to what it holds back.
type node struct {
	*httptest.Server
	listener *pipes
	world    *world

	mu     sync.Mutex
	behind int                                               // how many states it lags
	held   uint64                                            // the state that it stays at; 0 where it follows
	do     func(w http.ResponseWriter, r *http.Request) bool // first; true where it has answered
	acks   []uint64
	ended  []string // watches
	asked  []string // method and URI
	leader string
	cut    func(event int) bool // whether a stream breaks off after so many events
}

// startNode starts a node that listens in memory, so that its tests run in virtual time.
func startNode(t *testing.T, w *world) *node {
	n := &node{world: w, listener: newPipes()}
	n.Server = &httptest.Server{Listener: n.listener, Config: &http.Server{Handler: n}} //nolint:gosec // who calls is a test
	n.Start()
	t.Cleanup(n.stop)
	return n
}

// stop ends the node and all that it says.
func (n *node) stop() {
	n.CloseClientConnections()
	n.Close()
}

// answers has a node do something else first.
func (n *node) answers(do func(w http.ResponseWriter, r *http.Request) bool) {
	n.mu.Lock()
	n.do = do
	n.mu.Unlock()
	n.CloseClientConnections()
}

func (n *node) requests() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked)
}

func (n *node) acknowledged() []uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.acks)
}

// belongs is the world that the node is of.
func (n *node) belongs() *world {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.world
}

// moves makes the node one of another world.
func (n *node) moves(to *world) {
	n.mu.Lock()
	n.world = to
	n.mu.Unlock()
	n.CloseClientConnections()
}

// state is what the node has applied, and a signal for more.
func (n *node) state() (uint64, chan struct{}) {
	w := n.belongs()
	w.mu.Lock()
	defer w.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	newest := uint64(max(len(w.history)-1-n.behind, 0))
	if n.held > 0 {
		newest = min(newest, n.held)
	}
	return newest, w.changed
}

// hold keeps the node at the state that it has, until it is let go.
func (n *node) hold(on bool) {
	index, _ := n.state()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = 0
	if on {
		n.held = index
	}
}

// breaksAfter has each stream of the node break off after so many events, within a set or not; 0 lets them last.
func (n *node) breaksAfter(events int) {
	n.mu.Lock()
	n.cut = nil
	if events > 0 {
		n.cut = func(event int) bool { return event >= events }
	}
	n.mu.Unlock()
	n.CloseClientConnections()
}

func (n *node) at(index uint64) map[string]map[string]registry.Instance {
	w := n.belongs()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.history[min(int(index), len(w.history)-1)]
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.asked = append(n.asked, r.Method+" "+r.RequestURI)
	do, leader := n.do, n.leader
	n.mu.Unlock()
	index, _ := n.state()
	w.Header().Set(wire.HeaderCluster, n.belongs().cluster)
	w.Header().Set(wire.HeaderIndex, strconv.FormatUint(index, 10))
	if leader != "" {
		w.Header().Set(wire.HeaderLeader, leader)
	}
	if do != nil && do(w, r) {
		return
	}
	if least, err := strconv.ParseUint(r.URL.Query().Get(wire.ParamMinIndex), 10, 64); err == nil && least > index {
		problem(w, wire.CodeIndexNotReached)
		return
	}
	if r.URL.Query().Get(wire.ParamConsistency) == wire.Linearizable && index < n.belongs().newest() {
		problem(w, wire.CodeNoLeader) // it would have to wait until it has what the majority has
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/services/{service}", n.discover)
	mux.HandleFunc("GET /v1/watch", n.watch)
	mux.HandleFunc("POST /v1/watch/{id}/ack", n.acknowledge)
	mux.HandleFunc("DELETE /v1/watch/{id}", n.endWatch)
	mux.HandleFunc("GET /v1/cluster", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(wire.Cluster{ID: n.belongs().cluster, Nodes: []wire.Node{{HTTP: n.URL}}})
	})
	mux.ServeHTTP(w, r)
}

func problem(w http.ResponseWriter, code wire.Code) {
	w.WriteHeader(code.Status())
	_ = json.NewEncoder(w).Encode(wire.NewProblem(code, "said so"))
}

func (n *node) discover(w http.ResponseWriter, r *http.Request) {
	index, _ := n.state()
	w.Header().Set(wire.HeaderIndex, strconv.FormatUint(index, 10))
	service := r.PathValue("service")
	instances, ok := n.at(index)[service]
	if !ok {
		problem(w, wire.CodeServiceNotFound)
		return
	}
	d := wire.Discovered{Service: service, Index: changedAt(n, service, index)}
	for _, i := range instances {
		if r.URL.Query().Get(wire.ParamStatus) == "any" || i.Discoverable() {
			d.Instances = append(d.Instances, &i)
		}
	}
	_ = json.NewEncoder(w).Encode(d)
}

// changedAt is the index of the last change of a service up to an index.
func changedAt(n *node, service string, index uint64) uint64 {
	for ; index > 0; index-- {
		if fmt.Sprint(n.at(index)[service]) != fmt.Sprint(n.at(index - 1)[service]) {
			return index
		}
	}
	return 0
}

func (n *node) acknowledge(w http.ResponseWriter, r *http.Request) {
	var a wire.Acknowledgement
	_ = json.NewDecoder(r.Body).Decode(&a)
	n.mu.Lock()
	n.acks = append(n.acks, *a.Index)
	n.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (n *node) endWatch(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.ended = append(n.ended, r.PathValue("id"))
	n.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// watch sends the stream, which may break off in the midst of a set.
func (n *node) watch(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, err := strconv.ParseUint(q.Get(wire.ParamIndex), 10, 64)
	first, known := true, err == nil
	sent := 0
	send := func(kind wire.EventKind, id uint64, data any) bool {
		e := map[string]any{"event": kind, "data": data}
		if id > 0 {
			e["id"] = id
		}
		_ = json.NewEncoder(w).Encode(e)
		_ = http.NewResponseController(w).Flush()
		sent++
		n.mu.Lock()
		cut := n.cut
		n.mu.Unlock()
		return cut == nil || !cut(sent)
	}
	if !send(wire.EventHello, 0, wire.Hello{Watch: fmt.Sprintf("w%d", time.Now().UnixNano())}) {
		return
	}
	for {
		index, changed := n.state()
		var events []func(id uint64) bool
		add := func(kind wire.EventKind, data any) {
			events = append(events, func(id uint64) bool { return send(kind, id, data) })
		}
		if known && first && from > index {
			add(wire.EventReset, wire.Bookmark{Index: index})
			known = false
		}
		for _, service := range q[wire.ParamService] {
			now := n.at(index)[service]
			if !known {
				d := wire.Discovered{Service: service, Index: changedAt(n, service, index), Instances: []*registry.Instance{}}
				for _, i := range now {
					d.Instances = append(d.Instances, &i)
				}
				add(wire.EventSnapshot, d)
				continue
			}
			delta := wire.Delta{Service: service, Index: changedAt(n, service, index)}
			for at := from + 1; at <= index; at++ { // also what was undone since
				for id := range n.at(at - 1)[service] {
					if _, there := now[id]; !there && !slices.Contains(delta.Removed, id) {
						delta.Removed = append(delta.Removed, id)
					}
				}
			}
			for _, i := range now {
				if i.ModifyIndex > from {
					delta.Upserted = append(delta.Upserted, &i)
				}
			}
			if len(delta.Upserted)+len(delta.Removed) > 0 {
				add(wire.EventDelta, delta)
			}
		}
		if len(events) == 0 && (first || index > from) {
			add(wire.EventBookmark, wire.Bookmark{Index: index})
		}
		for k, e := range events {
			id := uint64(0)
			if k == len(events)-1 {
				id = index
			}
			if !e(id) {
				return
			}
		}
		known, from, first = true, max(index, 0), false
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// newClient is a client of the nodes, which ends with the test.
func newClient(t *testing.T, change func(*Config), nodes ...*node) *Client {
	t.Helper()
	network := networkOf(nodes...)
	config := Config{Timeout: 2 * time.Second, Transport: network}
	for _, n := range nodes {
		config.Addrs = append(config.Addrs, n.URL)
	}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		network.CloseIdleConnections()
	})
	return c
}

// limited ends a test that waits for what does not come.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// idsOf are the ids of instances.
func idsOf(instances []registry.Instance) []string {
	ids := []string{}
	for _, i := range instances {
		ids = append(ids, i.ID)
	}
	return ids
}

// refuse answers that there is no leader.
func refuse(w http.ResponseWriter, _ *http.Request) bool {
	problem(w, wire.CodeNoLeader)
	return true
}
