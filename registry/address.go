package registry

import (
	"net/netip"
	"strings"
)

const (
	maxHostBytes  = 253
	maxLabelBytes = 63
)

// validateAddress wants an address that another machine can dial: an IP address that stands for one machine, or a host
// name as RFC 1123 has it.
func validateAddress(field, s string) error {
	if s == "" {
		return invalid(field, "must not be empty; it is the IP address or host name where the instance listens")
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return validateHost(field, s)
	}
	if ip.Zone() != "" {
		return invalid(field, "must not carry a zone, which means nothing on another machine: %q", s)
	}
	ip = ip.Unmap()
	switch {
	case ip.IsUnspecified():
		return invalid(field, "%s is every address of a machine and none to dial; use one at which clients reach the instance", s)
	case ip.IsMulticast():
		return invalid(field, "%s is a multicast address, which no single instance has", s)
	}
	return nil
}

func validateHost(field, s string) error {
	if len(s) > maxHostBytes {
		return invalid(field, "is %d bytes long; a host name has at most %d", len(s), maxHostBytes)
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if !validLabel(label) {
			return invalid(field, "is neither an IP address (without brackets and port) nor a host name: %q", s)
		}
		last = label
	}
	// RFC 1123 tells names from addresses by this: the last label of a name is never a number.
	if strings.Trim(last, "0123456789") == "" {
		return invalid(field, "looks like an IP address but is none: %q", s)
	}
	return nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool { return !alphanumeric(r) && r != '-' })
}
