package probe_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/musterhq/muster/health/probe"
)

// The addresses that lead to a metadata service, to this machine or to many, in all the forms in which one may write them.
func TestTheGuardForbidsByDefault(t *testing.T) {
	var guard probe.Guard
	for _, address := range []string{
		"169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "fe80::1", "fe80::1%eth0",
		"64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2002:a9fe:a9fe::1", "::a9fe:a9fe", "::ffff:0:a9fe:a9fe",
		"2001:0:a9fe:a9fe::", "2001:0:808:808::5601:5601", // Teredo: the server, and the client, inverted
		"2001:db8::5efe:a9fe:a9fe", "2001:db8::200:5efe:a9fe:a9fe", // ISATAP
		"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "64:ff9b::6464:64c8",
		"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
		"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "64:ff9b::",
		"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "::ffff:224.0.0.1", "2002:e000:1::",
	} {
		if err := guard.Judge(netip.AddrPortFrom(netip.MustParseAddr(address), 80)); err == nil {
			t.Errorf("%s is allowed", address)
		} else if _, ok := errors.AsType[*probe.ForbiddenError](err); !ok {
			t.Errorf("%s: %T", address, err)
		}
	}
	for _, address := range []string{
		"10.0.0.7", "192.168.1.1", "172.16.0.1", "100.64.0.1", "8.8.8.8", "::ffff:10.0.0.7", "fd00::7", "2001:db8::7",
		"64:ff9b::a00:7", "2002:a00:7::1", "2001:db8::5efe:a00:7",
	} {
		if err := guard.Judge(netip.AddrPortFrom(netip.MustParseAddr(address), 80)); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAnOperatorAllowsAndDenies(t *testing.T) {
	prefixes := func(all ...string) (of []netip.Prefix) {
		for _, s := range all {
			p, err := probe.ParsePrefix(s)
			if err != nil {
				t.Fatal(err)
			}
			of = append(of, p)
		}
		return of
	}
	own := func(all ...string) func() []netip.AddrPort {
		return func() (of []netip.AddrPort) {
			for _, s := range all {
				of = append(of, netip.MustParseAddrPort(s))
			}
			return of
		}
	}
	everything := prefixes("0.0.0.0/0", "::/0")
	for name, c := range map[string]struct {
		guard probe.Guard
		to    string
		want  bool
	}{
		"loopback of a node that is bound to it":  {probe.Guard{Loopback: true}, "127.0.0.1:80", true},
		"which says nothing of link-local":        {probe.Guard{Loopback: true}, "169.254.1.1:80", false},
		"an allowed address":                      {probe.Guard{Allow: prefixes("169.254.1.1")}, "169.254.1.1:80", true},
		"and no other":                            {probe.Guard{Allow: prefixes("169.254.1.1")}, "169.254.1.2:80", false},
		"allowed loopback":                        {probe.Guard{Allow: prefixes("127.0.0.0/8")}, "[::ffff:127.0.0.1]:80", true},
		"a denied network":                        {probe.Guard{Deny: prefixes("10.0.0.0/8")}, "10.1.2.3:80", false},
		"its mapped form":                         {probe.Guard{Deny: prefixes("10.0.0.0/8")}, "[::ffff:10.1.2.3]:80", false},
		"its translated form":                     {probe.Guard{Deny: prefixes("10.0.0.0/8")}, "[64:ff9b::a01:203]:80", false},
		"a network denied in its mapped form":     {probe.Guard{Deny: prefixes("::ffff:10.0.0.0/104")}, "10.1.2.3:80", false},
		"outside the denied network":              {probe.Guard{Deny: prefixes("10.0.0.0/8")}, "11.1.2.3:80", true},
		"deny wins":                               {probe.Guard{Allow: everything, Deny: prefixes("10.0.0.0/8")}, "10.1.2.3:80", false},
		"deny wins over being bound to loopback":  {probe.Guard{Loopback: true, Deny: prefixes("127.0.0.0/8")}, "127.0.0.1:80", false},
		"both forms must be allowed":              {probe.Guard{Allow: prefixes("64:ff9b::/96")}, "[64:ff9b::a9fe:a9fe]:80", false},
		"as here":                                 {probe.Guard{Allow: prefixes("169.254.0.0/16")}, "[64:ff9b::a9fe:a9fe]:80", true},
		"nothing opens multicast":                 {probe.Guard{Allow: everything}, "224.0.0.1:80", false},
		"nor the unspecified address":             {probe.Guard{Allow: everything}, "0.0.0.0:80", false},
		"nor the registry's own":                  {probe.Guard{Allow: everything, Own: own("10.0.0.1:7300")}, "10.0.0.1:7300", false},
		"in no form":                              {probe.Guard{Own: own("10.0.0.1:7300")}, "[64:ff9b::a00:1]:7300", false},
		"also where that is mapped":               {probe.Guard{Own: own("[::ffff:10.0.0.1]:7300")}, "10.0.0.1:7300", false},
		"a neighbour of the registry":             {probe.Guard{Own: own("10.0.0.1:7300")}, "10.0.0.1:8080", true},
		"a port of every address of this machine": {probe.Guard{Loopback: true, Own: own("0.0.0.0:7300")}, "127.0.0.1:7300", false},
		"the same port elsewhere":                 {probe.Guard{Own: own("0.0.0.0:7300")}, "192.0.2.7:7300", true},
	} {
		if err := c.guard.Judge(netip.MustParseAddrPort(c.to)); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoNetworkIsRefused(t *testing.T) {
	for _, s := range []string{"", "ten", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "fe80::%eth0/64"} {
		if p, err := probe.ParsePrefix(s); err == nil {
			t.Errorf("%q is %s", s, p)
		}
	}
	if p, err := probe.ParsePrefix("10.1.2.3/8"); err != nil || p.String() != "10.0.0.0/8" {
		t.Errorf("%s, %v", p, err)
	}
}
