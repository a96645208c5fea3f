package registry

import (
	"strconv"
	"strings"
	"time"
)

// What a check is like where its definition does not say.
const (
	DefaultCheckInterval = 10 * time.Second
	DefaultCheckTimeout  = 2 * time.Second // at most the interval
	DefaultCheckRise     = 1
	DefaultCheckFall     = 3
	DefaultCheckPath     = "/health"
	DefaultCheckMethod   = "GET"
)

// Normalize returns a deep copy of i in the one form in which documents are compared and stored: defaults stand where
// nothing was said, empty lists are nil, and the fields that the registry owns are cleared. It never fails: what it can
// make no sense of is left for [Instance.Validate] to name.
func (i *Instance) Normalize() Instance {
	n := *i.Clone()
	n.Status, n.Expired, n.Reported, n.Maintenance = "", false, Report{}, Maintenance{}
	n.CreateIndex, n.ModifyIndex, n.Incarnation, n.LeaseIndex = 0, 0, 0, 0

	if n.ID == "" {
		n.ID = n.defaultID()
	}
	if n.Weight == 0 {
		n.Weight = DefaultWeight
	}
	if len(n.Tags) == 0 {
		n.Tags = nil
	}
	if len(n.Metadata) == 0 {
		n.Metadata = nil
	}
	if len(n.Checks) == 0 {
		n.Checks = nil
	}
	for c := range n.Checks {
		n.Checks[c].normalize()
	}
	return n
}

// defaultID is "<address>:<port>", with no brackets around an IPv6 address, which a name could not hold.
// Without an address there is none: the missing address is what has to be complained about.
func (i *Instance) defaultID() string {
	if i.Address == "" {
		return ""
	}
	return i.Address + ":" + strconv.Itoa(i.Port)
}

func (c *Check) normalize() {
	c.Status, c.Output, c.Preserved = "", "", false
	if c.Name == "" {
		c.Name = string(c.Type)
	}
	if c.Interval == 0 {
		c.Interval = Duration(DefaultCheckInterval)
	}
	if c.Timeout == 0 {
		c.Timeout = min(Duration(DefaultCheckTimeout), c.Interval)
	}
	if c.Rise == 0 {
		c.Rise = DefaultCheckRise
	}
	if c.Fall == 0 {
		c.Fall = DefaultCheckFall
	}
	if len(c.Headers) == 0 {
		c.Headers = nil
	}
	if c.Type == CheckHTTP {
		if c.Path == "" {
			c.Path = DefaultCheckPath
		}
		if c.Method == "" {
			c.Method = DefaultCheckMethod
		}
		c.Method = strings.ToUpper(c.Method)
	}
}
