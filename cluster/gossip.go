package cluster

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/oklog/ulid/v2"
)

// maxMeta is what memberlist lets a node say of itself.
const maxMeta = memberlist.MetaMaxSize

// meta is what a node tells the others of itself by gossip. The keys are short: memberlist allows 512 bytes in all.
type meta struct {
	Label     string `json:"l"`
	ClusterID string `json:"c,omitempty"` // of the formed cluster that it is a member of
	Expect    int    `json:"e,omitempty"` // it wants to form a cluster of so many
	NonVoter  bool   `json:"r,omitempty"`
	HTTP      string `json:"h"`
	Peer      string `json:"p"`
	Zone      string `json:"z,omitempty"`
	DC        string `json:"d,omitempty"`
	Version   string `json:"v,omitempty"`
	Commands  int    `json:"k,omitempty"` // see [Server]

	Extra map[string]string `json:"m,omitempty"`
}

func (m meta) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(b) > maxMeta {
		return nil, fmt.Errorf("what this node says of itself (its name, addresses, zone and --node-meta) takes %d bytes and gossip carries %d: shorten --node-meta", len(b), maxMeta)
	}
	return b, nil
}

// fits tells whether gossip can carry all that the node will ever say of itself: its cluster it says once it has one.
func (m meta) fits() error {
	m.ClusterID = strings.Repeat("0", ulid.EncodedSize)
	_, err := m.encode()
	return err
}

// neighbour is another node as gossip knows it. Gossip is a hint: it says whom to ask, and decides nothing.
type neighbour struct {
	meta
	RaftID string
	Gossip string // its gossip address
}

// gossip finds the other nodes and passes on what they say of themselves.
type gossip struct {
	list    *memberlist.Memberlist
	address string // where this node's gossip is reached
	log     *slog.Logger

	mu    sync.Mutex
	mine  meta
	known map[string]neighbour // by Raft id, as last heard of, also of those who are gone
	met   map[string]bool      // other clusters, of which the operator was told
}

// gossipTimeout bounds a conversation over TCP, which nothing can interrupt: a stop may have to wait for one. All that two
// nodes tell each other is some kilobytes.
const gossipTimeout = 2 * time.Second

// pushPullInterval is how often a node tells another one all that it knows. What was refused, such as the new address of a
// node that seemed alive at its old one, is heard again then.
const pushPullInterval = 5 * time.Second

// openGossip listens on the gossip address and knows nobody yet. Nodes are named by their Raft ids there, which are
// unique where labels may not be.
func openGossip(c Config, raftID string, mine meta) (*gossip, error) {
	log := c.Log.With("part", "gossip")
	g := &gossip{log: log, mine: mine, known: map[string]neighbour{}, met: map[string]bool{}}
	config := memberlist.DefaultLANConfig()
	config.Name = raftID
	config.Transport = c.Gossip // nil: sockets at the address
	config.Delegate = gossipDelegate{g}
	config.Events = gossipEvents{g}
	config.Alive = strangers{g}
	config.Merge = strangers{g}
	config.Logger = gossipLogger(log)
	config.EnableCompression = false // its decompression was a way to exhaust memory, and the messages are small
	// A name is a Raft id here, so whoever has it is the node, wherever it is. While it seems alive at its old address the
	// new one is still refused: then there are two copies of one data directory.
	config.DeadNodeReclaimTime = time.Second
	config.PushPullInterval = pushPullInterval
	config.TCPTimeout = gossipTimeout
	var err error
	if config.BindAddr, config.BindPort, err = resolveAddress(c.GossipAddr); err != nil {
		return nil, err
	}
	if c.AdvertiseGossip != "" {
		if config.AdvertiseAddr, config.AdvertisePort, err = resolveAddress(c.AdvertiseGossip); err != nil {
			return nil, err
		}
	}
	if g.list, err = memberlist.Create(config); err != nil {
		return nil, fmt.Errorf("open the gossip port %s: %w", c.GossipAddr, err)
	}
	g.address = g.list.LocalNode().Address() // now: later, memberlist writes there without a lock that others could take
	return g, nil
}

// say changes what this node tells of itself.
func (g *gossip) say(change func(*meta)) {
	g.mu.Lock()
	change(&g.mine)
	g.mu.Unlock()
	if err := g.list.UpdateNode(time.Second); err != nil {
		g.log.Debug("gossip has not spread this node's news yet", "error", err)
	}
}

func (g *gossip) said() meta {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mine
}

// neighbours lists all nodes that gossip takes for alive, this one included; see [strangers] for those that it leaves out.
// Memberlist does not tell which of them it has begun to suspect.
func (g *gossip) neighbours() []neighbour {
	members := g.list.Members()
	all := make([]neighbour, 0, len(members))
	for _, m := range members {
		if n, ok := g.last(m.Name); ok {
			all = append(all, n)
		}
	}
	return all
}

// last is what was last heard of a node, which may be gone since.
func (g *gossip) last(raftID string) (neighbour, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := g.known[raftID]
	return n, ok
}

// alive tells whether gossip takes a node for alive.
func (g *gossip) alive(raftID string) bool {
	return slices.ContainsFunc(g.neighbours(), func(n neighbour) bool { return n.RaftID == raftID })
}

// join asks the node at a gossip address for all that it knows.
func (g *gossip) join(address string) error {
	_, err := g.list.Join([]string{address})
	return err
}

// close tells the others that this node goes on purpose, and stops.
func (g *gossip) close(patience time.Duration) error {
	if err := g.list.Leave(patience); err != nil {
		g.log.Debug("gossip could not say goodbye", "error", err)
	}
	return g.list.Shutdown()
}

// gossipDelegate is what memberlist asks when it speaks of this node.
type gossipDelegate struct{ g *gossip }

func (d gossipDelegate) NodeMeta(int) []byte {
	b, err := d.g.said().encode()
	if err != nil {
		d.g.log.Warn("gossip can't carry this node's description", "error", err)
		return nil
	}
	return b
}

func (gossipDelegate) NotifyMsg([]byte)                {}
func (gossipDelegate) GetBroadcasts(int, int) [][]byte { return nil }
func (gossipDelegate) LocalState(bool) []byte          { return nil }
func (gossipDelegate) MergeRemoteState([]byte, bool)   {}

// gossipEvents is what memberlist tells of nodes that come or change.
type gossipEvents struct{ g *gossip }

func (e gossipEvents) NotifyJoin(n *memberlist.Node)   { e.learn(n) }
func (e gossipEvents) NotifyUpdate(n *memberlist.Node) { e.learn(n) }

// NotifyLeave keeps what is known: where the node was last is the best guess at where it will come back.
func (e gossipEvents) NotifyLeave(*memberlist.Node) {}

func (e gossipEvents) learn(m *memberlist.Node) {
	n := neighbour{RaftID: m.Name, Gossip: m.Address()}
	if err := json.Unmarshal(m.Meta, &n.meta); err != nil {
		e.g.log.Debug("what a node says of itself can't be read", "node", m.Name, "address", m.Address(), "error", err)
		return
	}
	e.g.mu.Lock()
	defer e.g.mu.Unlock()
	e.g.known[m.Name] = n
}

func splitAddress(address string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not an address of the form host:port", address)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q has no port from 0 to 65535", address)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}

// resolveAddress turns a host name into the IP address that memberlist wants.
func resolveAddress(address string) (ip string, port int, err error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return "", 0, err
	}
	resolved, err := net.ResolveIPAddr("ip", host)
	if err != nil {
		return "", 0, fmt.Errorf("resolve %q: %w", address, err)
	}
	return resolved.String(), port, nil
}
