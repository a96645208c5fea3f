package client

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/api"
)

// The defaults of a [Config].
const (
	DefaultTimeout = 10 * time.Second
	DefaultLinger  = 2 * time.Minute
)

// maxName is how many bytes the name of an acknowledging watch may have.
const maxName = 128

// Config says how to reach a cluster. Only Addrs is needed.
type Config struct {
	// Addrs are the addresses of some nodes of one cluster, such as http://127.0.0.1:7300; one is enough, several help while
	// one of them is down. The other nodes are learned from these, which are never forgotten. An address without a scheme is
	// taken for HTTP, and one that stands there twice for one node.
	Addrs []string

	// InOrder has the nodes asked in the order of Addrs. Otherwise that is drawn at random, so that many clients spread over
	// them, as those of a fleet with one configuration should.
	InOrder bool

	// Token is sent with every call as a bearer token; empty sends none.
	Token string

	// Name is the one under which the client confirms what it has been told, so that a drain can say who has not; up to 128
	// bytes, by default one made of host, process and a random part.
	Name string

	// CacheFile, if set, keeps what is watched, for a start while the registry is down. Its folder must exist. One file
	// serves one client.
	CacheFile string

	// Timeout bounds a call whose context has no deadline; 0 means [DefaultTimeout]. Until then a call goes round the nodes.
	Timeout time.Duration

	// Linger is how long a service that nobody watches any more is still kept up to date; 0 means [DefaultLinger].
	Linger time.Duration

	// Logger gets what an operator may want to know; nil is silent.
	Logger *slog.Logger

	// Transport makes the calls; nil means one of the client's own. A transport for TLS with certificates of your own is one.
	Transport http.RoundTripper
}

// Validate says what is wrong, all of it at once.
func (c Config) Validate() error {
	var wrong []error
	if len(c.Addrs) == 0 {
		wrong = append(wrong, errors.New("config: Addrs is empty: give the address of a node, such as http://127.0.0.1:7300"))
	}
	for n, address := range c.Addrs {
		if err := api.CheckAddress(address); err != nil {
			wrong = append(wrong, fmt.Errorf("config: Addrs[%d]: %w", n, err))
		}
	}
	if len(c.Name) > maxName {
		wrong = append(wrong, fmt.Errorf("config: Name has %d bytes, and may have %d", len(c.Name), maxName))
	}
	if strings.HasPrefix(c.Name, "node:") {
		wrong = append(wrong, fmt.Errorf("config: Name is %q, but names that begin with node: are for nodes", c.Name))
	}
	if c.Timeout < 0 {
		wrong = append(wrong, fmt.Errorf("config: Timeout is %s, and can't be negative", c.Timeout))
	}
	if c.Linger < 0 {
		wrong = append(wrong, fmt.Errorf("config: Linger is %s, and can't be negative", c.Linger))
	}
	return errors.Join(wrong...)
}

// withDefaults is the configuration with a value everywhere.
func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, newName())
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.Linger = cmp.Or(c.Linger, DefaultLinger)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// newName names this client among all others.
func newName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	name := fmt.Sprintf(":%d:%s", os.Getpid(), rand.Text()[:8])
	return host[:min(len(host), maxName-len(name))] + name
}
