package api

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The limits of one try at one node.
const (
	// dialTimeout is how long a node may take to accept a connection before the next one is tried.
	dialTimeout = 2 * time.Second

	// How long a node may take to answer: a read from its memory, a read that it first has to ask others for, and a
	// write. The latter two are longer than what the node allows itself, so that it is the node that says how it ended.
	memoryPatience = 3 * time.Second
	askingPatience = 12 * time.Second
	writePatience  = 20 * time.Second

	// continueTimeout is how long a node may take to say that it wants a body that is too long to be sent in vain.
	continueTimeout = 2 * time.Second

	// idleTimeout is how long a connection is kept that nobody uses.
	idleTimeout = 90 * time.Second

	// restorePatience is how long a node may take to restore a snapshot that it has received.
	restorePatience = 15 * time.Minute

	// maxAnswer bounds, in bytes, what is read of one answer. All of a large cluster fits in many times over.
	maxAnswer = 256 << 20
)

// Client knows some nodes of one cluster, and learns of the others. Any number of goroutines may use it.
//
// It remembers who leads, which is asked first for writes, and which nodes failed, which are asked last for a while; and, if
// that is wanted, what it has seen, so that no node shows less.
type Client struct {
	nodes   endpoints
	session session
	token   string
	timeout time.Duration
	http    *http.Client
	upkeep  upkeep
	closed  atomic.Bool
}

// Options say how a client is to be. Only the addresses are needed.
type Options struct {
	Addresses []string          // as of [New]
	Scatter   bool              // the nodes are asked in an order drawn at random, so that many clients spread over them
	Session   bool              // a read shows no less than what was seen before, on any node
	Token     string            // stands on every call, empty on none
	Timeout   time.Duration     // of [Retry] where the context has no deadline
	Transport http.RoundTripper // nil is one of the client's own
}

// New makes a client of the nodes at these addresses, which are tried in this order. An address is a base URL such as
// http://127.0.0.1:7300, or a host and a port, which are taken for HTTP. There must be one at least.
func New(addresses ...string) (*Client, error) { return NewWith(Options{Addresses: addresses}) }

// NewWith makes a client with options.
func NewWith(o Options) (*Client, error) {
	c := &Client{
		session: session{on: o.Session}, token: o.Token, timeout: cmp.Or(o.Timeout, retryTimeout),
		http: &http.Client{
			Transport: o.Transport,
			// A node answers by itself and never sends a client elsewhere. Whatever does is no node, and a write that
			// followed it would become a read on the way.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		upkeep: newUpkeep(),
	}
	if o.Transport == nil {
		c.http.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			ExpectContinueTimeout: continueTimeout,
			IdleConnTimeout:       idleTimeout,
		}
	}
	for _, address := range o.Addresses {
		node, err := parseAddress(address)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.nodes.given, func(n *endpoint) bool { return n.at(node) }) {
			continue // It would be asked twice in each round, and its failures would not count for its twin.
		}
		c.nodes.given = append(c.nodes.given, &endpoint{url: node})
	}
	if len(c.nodes.given) == 0 {
		return nil, errors.New("no address of a node is given")
	}
	if o.Scatter {
		rand.Shuffle(len(c.nodes.given), func(i, j int) {
			c.nodes.given[i], c.nodes.given[j] = c.nodes.given[j], c.nodes.given[i]
		})
	}
	return c, nil
}

// Close closes connections that nobody uses, now and after each call that is made all the same.
func (c *Client) Close() {
	c.closed.Store(true)
	c.http.CloseIdleConnections()
}

// CheckAddress says what is wrong with the address of a node, nil where nothing is.
func CheckAddress(address string) error {
	_, err := parseAddress(address)
	return err
}

// parseAddress reads the address of a node, which has nothing after its port.
func parseAddress(address string) (*url.URL, error) {
	text := strings.TrimSpace(address)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not the address of a node: it looks like http://127.0.0.1:7300", address)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q is more than the address of a node, which ends after the port", address)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); strings.HasSuffix(u.Host, ":") || (u.Port() != "" && (err != nil || port == 0)) {
		return nil, fmt.Errorf("%q has no port that a node can have: it is a number from 1 to 65535, as in http://127.0.0.1:7300", address)
	}
	return u, nil
}
