package probe

import (
	"cmp"
	"net"
	"strconv"
	"time"

	"github.com/musterhq/muster/registry"
)

// Target is one check of one instance.
type Target struct {
	Service, ID string
	Address     string // an IP address or a host name
	Port        int
	Check       registry.Check // as [registry.Instance.Normalize] leaves it
}

// port is where the check goes.
func (t *Target) port() int { return cmp.Or(t.Check.Port, t.Port) }

// hostPort is where to dial.
func (t *Target) hostPort() string { return net.JoinHostPort(t.Address, strconv.Itoa(t.port())) }

// timeout is how long the instance has to answer.
func (t *Target) timeout() time.Duration { return min(time.Duration(t.Check.Timeout), MaxTimeout) }
