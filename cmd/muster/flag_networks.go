package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// networks is a flag that may be given many times, each time with one network or with several between commas. A plain address
// is the network that holds it alone.
type networks []netip.Prefix

// Set adds networks.
func (n *networks) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		if err := n.Append(part); err != nil {
			return err
		}
	}
	return nil
}

// Append adds one network.
func (n *networks) Append(text string) error {
	network, err := parseNetwork(strings.TrimSpace(text))
	if err == nil {
		*n = append(*n, network)
	}
	return err
}

// Replace sets the networks to those of a list in a file.
func (n *networks) Replace(list []string) error {
	*n = nil
	for _, text := range list {
		if err := n.Append(text); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice lists the networks.
func (n *networks) GetSlice() []string {
	list := make([]string, len(*n))
	for i, network := range *n {
		list[i] = network.String()
	}
	return list
}

// Type names the value in the help.
func (n *networks) Type() string { return "network" }

// String lists the networks.
func (n *networks) String() string { return strings.Join(n.GetSlice(), ",") }

// parseNetwork reads a network or an address. Bits beyond the length of a network are more likely a mistake in its length.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 10.0.0.0/8 or fd00::/8, and no address", text)
	}
	if network.Masked() != network {
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its length: write %s for the network, or the address alone", text, network.Masked())
	}
	return network, nil
}
