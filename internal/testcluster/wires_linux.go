package testcluster

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Wires are a cluster of real processes of which each has a network namespace of its own, all on one switch. The way from one
// to another can be cut, in one direction and without anybody being told: packets go to a machine that does not exist. It
// takes [EnterNamespace].
type Wires struct {
	*Processes

	t       testing.TB
	numbers map[*Process]int // from 1
	sites   []*Site
	sky     *sky // nil where there is no weather
}

// Traffic that can be cut by itself: each node has an address for either kind.
const (
	peerNet   = "10.77.0." // Raft, the calls between nodes, and HTTP
	gossipNet = "10.77.1."
	harness   = 254 // the test's own address on the switch
)

// StartWired starts n servers that form a cluster, each in a namespace of its own, and returns when all are ready. The test must
// run in a namespace; see [EnterNamespace].
func StartWired(t testing.TB, n int, flags ...string) *Wires {
	t.Helper()
	dir := keepOnFailure(t)
	var data []string
	for i := range n {
		data = append(data, filepath.Join(dir, fmt.Sprintf("n%d", i+1)))
	}
	return startWired(t, dir, data, flags)
}

// StartWiredIn is [StartWired] with a data directory of the test's own for each node.
func StartWiredIn(t testing.TB, data []string, flags ...string) *Wires {
	t.Helper()
	return startWired(t, keepOnFailure(t), data, flags)
}

func startWired(t testing.TB, logs string, data, flags []string) *Wires {
	t.Helper()
	n := len(data)
	if !InNamespace() {
		t.Fatal("it takes a network of the test's own: see EnterNamespace")
	}
	w := &Wires{Processes: &Processes{t: t}, t: t, numbers: map[*Process]int{}}
	w.run("link add switch type bridge", fmt.Sprintf("addr add %s%d/24 dev switch", peerNet, harness), "link set switch up")
	t.Cleanup(func() { w.run("link del switch") })
	var gossip []string
	for i := range n {
		gossip = append(gossip, fmt.Sprintf("%s%d:7302", gossipNet, i+1))
	}
	for i := range n {
		w.Nodes = append(w.Nodes, w.newNode(logs, data[i], i+1,
			append([]string{"--join", strings.Join(gossip, ","), "--bootstrap-expect", fmt.Sprint(n)}, flags...)))
	}
	w.Heal()
	for _, p := range w.Nodes {
		p.Start()
	}
	w.AwaitReady()
	return w
}

// Prepare makes one more server on the switch, which is to join the nodes that are there. It is not started, and is none of Nodes
// until the test has it among them; nothing cuts it off before that.
func (w *Wires) Prepare(flags ...string) *Process {
	w.t.Helper()
	first, number := w.Nodes[0], len(w.numbers)+1
	return w.newNode(filepath.Dir(first.logPath), filepath.Join(filepath.Dir(first.logPath), fmt.Sprintf("n%d", number)), number,
		append([]string{"--join", strings.Join(w.gossip(), ",")}, flags...))
}

// newNode makes a server and its namespace.
func (w *Wires) newNode(logs, data string, number int, flags []string) *Process {
	w.t.Helper()
	w.plugIn(number)
	p := newProcessAt(w.t, logs, data, fmt.Sprintf("n%d", number), addresses{
		http:   fmt.Sprintf("%s%d:7300", peerNet, number),
		peer:   fmt.Sprintf("%s%d:7301", peerNet, number),
		gossip: fmt.Sprintf("%s%d:7302", gossipNet, number),
	}, flags)
	p.prefix = []string{"nsenter", "--net=/run/netns/" + p.Name} // not ip netns exec, which would keep disks mounted that a test unmounts
	w.numbers[p] = number
	return p
}

// plugIn makes the namespace of a node or a site and plugs it into the switch.
func (w *Wires) plugIn(number int) {
	w.t.Helper()
	name := fmt.Sprintf("n%d", number)
	w.run(
		"netns add "+name,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s address %s", name, name, hardware(number)),
		fmt.Sprintf("link set %s master switch up", name),
	)
	// The link goes first: a namespace takes its own with it only some time after its name is gone.
	w.t.Cleanup(func() { w.run("link del "+name, "netns del "+name) })
	w.runIn(name,
		"link set lo up",
		fmt.Sprintf("addr add %s%d/24 dev eth0", peerNet, number),
		fmt.Sprintf("addr add %s%d/24 dev eth0", gossipNet, number),
		"link set eth0 up",
	)
}

// hardware is the address of a node's interface.
func hardware(number int) string { return fmt.Sprintf("02:00:00:00:00:%02x", number) }

// nobody is an address that no interface has.
const nobody = "02:00:00:00:ff:ff"

// Cut loses everything that one node sends to another.
func (w *Wires) Cut(from, to *Process) { w.lead(from, to, nobody, peerNet, gossipNet) }

// CutGossip loses the gossip that one node sends to another, and CutPeer all that is not gossip.
func (w *Wires) CutGossip(from, to *Process) { w.lead(from, to, nobody, gossipNet) }

// CutPeer is described with [Wires.CutGossip].
func (w *Wires) CutPeer(from, to *Process) { w.lead(from, to, nobody, peerNet) }

// Isolate cuts a node off from all others, in both directions; clients reach it still.
func (w *Wires) Isolate(p *Process) {
	for _, other := range w.Others(p) {
		w.Cut(p, other)
		w.Cut(other, p)
	}
}

// Heal makes all ways good again.
func (w *Wires) Heal() {
	for _, from := range w.Nodes {
		for _, to := range w.Others(from) {
			w.lead(from, to, hardware(w.numbers[to]), peerNet, gossipNet)
		}
		for _, to := range w.sites {
			w.leadToSite(from, to, hardware(to.number))
		}
	}
}

// lead has what one node sends to some of the addresses of another go to a hardware address.
func (w *Wires) lead(from, to *Process, hardware string, nets ...string) {
	w.t.Helper()
	var lines []string
	for _, net := range nets {
		lines = append(lines, fmt.Sprintf("neigh replace %s%d lladdr %s dev eth0 nud permanent", net, w.numbers[to], hardware))
	}
	w.runIn(from.Name, lines...)
}

func (w *Wires) run(lines ...string) {
	w.t.Helper()
	if err := ip(lines...); err != nil {
		w.t.Fatal(err)
	}
}

// runIn does what the lines say in the namespace of a node.
func (w *Wires) runIn(name string, lines ...string) {
	w.t.Helper()
	if err := ipIn(name, lines...); err != nil {
		w.t.Fatal(err)
	}
}
