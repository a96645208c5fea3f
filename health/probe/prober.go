package probe

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"github.com/musterhq/muster/registry"
)

const (
	// MaxTimeout is how long an instance is waited for at most, whatever its check allows: a question holds a connection
	// and a place among those that are asked at the same time.
	MaxTimeout = registry.MaxCheckTimeout

	// defaultKeep is how many connections are kept by default: more than a node's share of ten thousand instances.
	defaultKeep = 4096
)

// Config says how to ask. The zero Config is usable: it forbids what the zero [Guard] forbids.
type Config struct {
	// Guard says where questions may go.
	Guard Guard

	// UserAgent is what HTTP checks call themselves, unless they have a header for it. Empty is "muster".
	UserAgent string

	// Roots are those that certificates of instances must lead to; nil are the system's.
	Roots *x509.CertPool

	// Resolver finds the addresses of host names; nil is [net.DefaultResolver].
	Resolver *net.Resolver

	// Keep is how many connections of HTTP checks stay open between two questions; 0 is 4096, less than 0 none. Each is an
	// open file. Those that find no place cost a connection a question.
	Keep int
}

// Prober asks instances. Its methods may be called by any number of goroutines at once, also for the same instance.
type Prober struct {
	config Config
	dialer net.Dialer
	kept   kept
	lent   scratchPool
}

// New returns a Prober. Whoever makes one must Close it.
func New(c Config) *Prober {
	c.UserAgent = cmp.Or(c.UserAgent, "muster")
	p := &Prober{config: c}
	p.dialer = net.Dialer{
		Resolver:       c.Resolver,
		KeepAlive:      -1, // the checks themselves find out whether the other side is still there
		ControlContext: p.config.Guard.control,
	}
	p.kept.room = cmp.Or(c.Keep, defaultKeep)
	return p
}

// Close closes the connections that are kept. Questions that are under way are not broken off; ctx does that.
func (p *Prober) Close() { p.kept.close() }

// Probe asks once, and takes no longer than the check's timeout, or [MaxTimeout]. Where ctx ends before that, the question is
// broken off and [Impossible].
func (p *Prober) Probe(ctx context.Context, t Target) Result {
	began := time.Now()
	r, err := p.ask(ctx, &t, began.Add(t.timeout()))
	if err == nil {
		return r
	}
	if ctx.Err() != nil {
		return impossible("the check was broken off")
	}
	return explain(err, &t, time.Since(began))
}

// ask puts the question that the type of the check stands for, and waits for the answer up to a deadline. The error is one of the way there and back.
func (p *Prober) ask(ctx context.Context, t *Target, by time.Time) (Result, error) {
	switch t.Check.Type {
	case registry.CheckHTTP:
		return p.askHTTP(ctx, t, by)
	case registry.CheckTCP:
		return p.askTCP(ctx, t, by)
	case registry.CheckGRPC:
		return p.askGRPC(ctx, t, by)
	default:
		return impossible(fmt.Sprintf("this node knows no checks of type %q", t.Check.Type)), nil
	}
}
