package node

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterhq/muster/cluster"
)

// Config is what one node is started with.
type Config struct {
	ID      string // the node's name, unique among the live ones; 1 to 63 letters, digits, dots, dashes or underscores
	DataDir string // where it keeps its log and state; made if it is not there, with access for its owner only

	// Where it listens, host:port; port 0 takes a free one.
	HTTPAddr   string // the API
	PeerAddr   string // Raft and the calls between nodes
	GossipAddr string // memberlist, TCP and UDP

	// What others are told, where it differs from what is bound: behind an address translation, or where a node listens on
	// all interfaces, which is no address that others could dial.
	AdvertiseHTTP   string
	AdvertisePeer   string
	AdvertiseGossip string

	Join            []string // gossip addresses of other nodes; asked until one answers
	BootstrapExpect int      // form a new cluster when so many voters have met; 0 is 1 where Join is empty, and never elsewhere
	NonVoter        bool     // join as a read replica

	// DeadAfter is how long a node must be out of contact, by Raft and by gossip, before this one, while it leads, removes
	// it; 0 is an hour. A node that was removed has to join anew with an empty disk, so too short a time turns an outage
	// into work.
	DeadAfter time.Duration

	// AllowStaleStart lets local reads be answered after a start before the node has caught up with a leader.
	AllowStaleStart bool

	// RaftMultiplier stretches Raft's times for slow networks or disks; 0 is 1. At 1 a leader's death is noticed in about a
	// second, and a disk that stalls for half a second may cost a leader its office.
	RaftMultiplier int

	// DiskReserve is how many bytes must be free in the data directory's file system for new writes; 0 is the smaller of 5% of
	// it and 256 MiB. With too little, a disk that fills up ends the process before it refuses a write; with more than
	// there ever is, the node refuses them all.
	DiskReserve uint64

	// SnapshotThreshold and TrailingLogs are Raft's; see [cluster.Config]. 0 is what fits nearly everybody.
	SnapshotThreshold, TrailingLogs uint64

	// CheckAllow and CheckDeny are networks that health checks may or may not reach, beyond the rules of health/probe's Guard.
	// What is denied counts more. To allow loopback or link-local addresses opens a way from whoever may register to whatever
	// listens there, such as a cloud's metadata service.
	CheckAllow, CheckDeny []netip.Prefix

	Zone       string
	Datacenter string
	Meta       map[string]string // small: with the names and addresses it must fit in 512 bytes
	Version    string

	// Network carries what nodes say to each other on their peer ports; nil is plain TCP.
	Network cluster.Network

	// Metrics is what /metrics shows; nil makes a registry of the node's own.
	Metrics *prometheus.Registry

	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.BootstrapExpect == 0 && len(c.Join) == 0 && !c.NonVoter {
		c.BootstrapExpect = 1
	}
	c.RaftMultiplier = cmp.Or(c.RaftMultiplier, 1)
	if c.Network == nil {
		c.Network = cluster.TCP{}
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate tells what is wrong with the configuration. The names in the errors are those of the command line.
func (c Config) Validate() error {
	if err := validateLabel(c.ID); err != nil {
		return err
	}
	if c.DataDir == "" {
		return errors.New("--data-dir is missing: say where this node may keep its log and state")
	}
	bound := []struct{ flag, address, advertised string }{
		{"http", c.HTTPAddr, c.AdvertiseHTTP},
		{"peer", c.PeerAddr, c.AdvertisePeer},
		{"gossip", c.GossipAddr, c.AdvertiseGossip},
	}
	for _, b := range bound {
		if err := validateAddress("--"+b.flag+"-addr", b.address); err != nil {
			return err
		}
		if b.advertised == "" && everyInterface(b.address) {
			return fmt.Errorf("--%s-addr %s listens on all interfaces, which is no address for others to dial: give that one with --advertise-%s", b.flag, b.address, b.flag)
		}
		if b.advertised == "" {
			continue
		}
		if err := validateAddress("--advertise-"+b.flag, b.advertised); err != nil {
			return err
		}
		if everyInterface(b.advertised) {
			return fmt.Errorf("--advertise-%s %s is no address for others to dial", b.flag, b.advertised)
		}
	}
	for _, address := range c.Join {
		if err := validateAddress("--join", address); err != nil {
			return err
		}
	}
	if c.BootstrapExpect < 0 || c.BootstrapExpect > 9 {
		return fmt.Errorf("--bootstrap-expect is 1 to 9 voters, not %d", c.BootstrapExpect)
	}
	if c.NonVoter && c.BootstrapExpect > 0 {
		return errors.New("--nonvoter and --bootstrap-expect exclude each other: a read replica forms no cluster, it joins one")
	}
	if c.NonVoter && len(c.Join) == 0 {
		return errors.New("--nonvoter needs --join: a read replica must find the cluster that it copies")
	}
	if c.DeadAfter < 0 || c.DeadAfter > 0 && c.DeadAfter < time.Second {
		return fmt.Errorf("--dead-after is at least 1s, not %s", c.DeadAfter)
	}
	if c.RaftMultiplier < 0 || c.RaftMultiplier > 20 {
		return fmt.Errorf("--raft-multiplier is 1 to 20, not %d", c.RaftMultiplier)
	}
	return nil
}

func validateLabel(label string) error {
	if label == "" {
		return errors.New("--node-id is missing: give the node a name")
	}
	legal := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
	}
	if len(label) > 63 || strings.IndexFunc(label, func(r rune) bool { return !legal(r) }) >= 0 {
		return fmt.Errorf("--node-id %q is not 1 to 63 letters, digits, dots, dashes or underscores", label)
	}
	return nil
}

func validateAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s %q is not of the form host:port", flag, address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s %q has no port from 0 to 65535", flag, address)
	}
	return nil
}

// everyInterface tells whether an address is the one for listening everywhere.
func everyInterface(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}
