package registry

import "strings"

// ValidName tells whether s can name a service or an instance: 1 to [MaxNameBytes] of "A-Z a-z 0-9 . _ : -", not starting
// with a dot. It may also hold "/", which comes in through Consul's API and in native paths as "%2F". It is a character
// like the others and never separates anything, but "." and ".." between slashes are refused all the same: a proxy on
// the way might take them for a path.
func ValidName(s string) bool { return validateName("", s) == nil }

func validateName(field, s string) error {
	switch {
	case s == "":
		return invalid(field, "must not be empty")
	case len(s) > MaxNameBytes:
		return tooLong(field, len(s), MaxNameBytes)
	case s[0] == '.':
		return invalid(field, "must not start with a dot: %q", s)
	}
	for _, r := range s {
		if !nameRune(r) {
			return invalid(field, `may hold only A-Z a-z 0-9 . _ : - and /, not %q`, r)
		}
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return invalid(field, `must not hold %q between slashes: %q`, segment, s)
		}
	}
	return nil
}

func nameRune(r rune) bool {
	return alphanumeric(r) || r == '.' || r == '_' || r == ':' || r == '-' || r == '/'
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
