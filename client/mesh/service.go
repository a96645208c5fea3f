package mesh

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/musterhq/muster/lb"
)

// service is what a transport keeps of one service: who may be called, and how much.
type service struct {
	name      string
	balancer  *lb.Service
	budget    *allowance
	throttle  *throttle
	latencies *latencies // nil where no percentile is wanted
}

func newService(name string, b *lb.Balancer, s *settings) *service {
	c := &service{name: name, balancer: b.Service(name), budget: newAllowance(s.budget), throttle: newThrottle()}
	if s.hedging != nil && s.hedging.Percentile > 0 {
		c.latencies = &latencies{percentile: s.hedging.Percentile}
	}
	return c
}

// answered counts how long the headers of a good answer took.
func (s *service) answered(d time.Duration) {
	if s.latencies != nil {
		s.latencies.add(d)
	}
}

// serviceOf tells which service a URL names, if it does: its host, unless that has a port, is an IP address or is
// localhost. Such hosts are places, and a service is found at many.
func serviceOf(u *url.URL) (string, bool) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	host := u.Hostname()
	if host == "" || u.Port() != "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return "", false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", false
	}
	return host, true
}
