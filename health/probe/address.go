package probe

import (
	"fmt"
	"net/netip"
	"strings"
)

// Addresses that are not what they look like, or not for everybody.
var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	broadcast   = netip.MustParseAddr("255.255.255.255")
)

// isMetadata tells whether an address is a well-known one at which a cloud answers its own machines, tokens included.
// Those that are link-local are not among them.
func isMetadata(a netip.Addr) bool {
	switch a.String() {
	case "fd00:ec2::254", // Amazon, over IPv6
		"fd20:ce::254",    // Google, over IPv6
		"100.100.100.200", // Alibaba
		"168.63.129.16",   // Azure's host
		"192.0.0.192":     // Oracle
		return true
	}
	return false
}

// embedding is a kind of IPv6 address that stands for an IPv4 address.
type embedding struct {
	within   netip.Prefix
	at       [4]int // the positions of the four bytes
	inverted bool
}

// embeddings are the kinds that a kernel, a router or a translator may take for the IPv4 address in them.
var embeddings = []embedding{
	{within: netip.MustParsePrefix("::/96"), at: [4]int{12, 13, 14, 15}},                     // compatible, RFC 4291
	{within: netip.MustParsePrefix("::ffff:0:0:0/96"), at: [4]int{12, 13, 14, 15}},           // translated, RFC 2765
	{within: netip.MustParsePrefix("64:ff9b::/96"), at: [4]int{12, 13, 14, 15}},              // NAT64, RFC 6052
	{within: netip.MustParsePrefix("64:ff9b:1::/48"), at: [4]int{12, 13, 14, 15}},            // local NAT64, RFC 8215, as /96
	{within: netip.MustParsePrefix("64:ff9b:1::/48"), at: [4]int{6, 7, 9, 10}},               // and as /48
	{within: netip.MustParsePrefix("2002::/16"), at: [4]int{2, 3, 4, 5}},                     // 6to4, RFC 3056
	{within: netip.MustParsePrefix("2001::/32"), at: [4]int{4, 5, 6, 7}},                     // Teredo's server, RFC 4380
	{within: netip.MustParsePrefix("2001::/32"), at: [4]int{12, 13, 14, 15}, inverted: true}, // and its client
}

// faces are all the addresses that an address may turn out to be: itself, without a zone and not as a mapped one, and the
// IPv4 addresses that it stands for.
func faces(a netip.Addr) []netip.Addr {
	a = a.WithZone("").Unmap()
	all := []netip.Addr{a}
	if !a.Is6() || a.IsUnspecified() || a.IsLoopback() {
		return all
	}
	bytes := a.As16()
	for _, e := range embeddings {
		if e.within.Contains(a) {
			all = append(all, e.take(bytes))
		}
	}
	if isatap(bytes) {
		all = append(all, netip.AddrFrom4([4]byte(bytes[12:])))
	}
	return all
}

// take takes the IPv4 address out of an IPv6 address.
func (e embedding) take(from [16]byte) netip.Addr {
	var a [4]byte
	for n, position := range e.at {
		a[n] = from[position]
		if e.inverted {
			a[n] = ^a[n]
		}
	}
	return netip.AddrFrom4(a)
}

// isatap tells whether the lower half of an address is that of RFC 5214, whatever network it is in.
func isatap(a [16]byte) bool {
	return a[8]&^0x02 == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe
}

// holds tells whether one of the prefixes contains a, which is not a mapped address.
func holds(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ParsePrefix reads what an operator allows or denies: a network such as "10.0.0.0/8", or one address.
func ParsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8 or fd00::/8", s)
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8 or fd00::/8", s)
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}
