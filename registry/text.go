package registry

import (
	"unicode"
	"unicode/utf8"
)

// validateText checks a text that people will read, in a terminal, a log or a page: it must not be able to move the
// cursor, hide, or turn the direction of what stands around it. What has no shape of its own is therefore refused:
// control characters, bidirectional and other format characters, line separators, private and unassigned code points.
func validateText(field, s string, least, most int) error {
	switch {
	case len(s) < least:
		return invalid(field, "must not be empty")
	case len(s) > most:
		return tooLong(field, len(s), most)
	case !utf8.ValidString(s):
		return invalid(field, "is not valid UTF-8: %q", s)
	}
	for at, r := range s {
		if !unicode.IsGraphic(r) {
			return invalid(field, "holds the unprintable character %U at byte %d", r, at)
		}
	}
	return nil
}

func validateRange(field string, n, least, most int) error {
	if n < least || n > most {
		return invalid(field, "must be %d to %d, not %d", least, most, n)
	}
	return nil
}

func validateSpan(field string, d, least, most Duration) error {
	if d < least || d > most {
		return invalid(field, "must be %v to %v, not %v", least, most, d)
	}
	return nil
}

func validateCount(field string, n, most int, of string) error {
	if n > most {
		return invalid(field, "holds %d %s; at most %d are allowed", n, of, most)
	}
	return nil
}

func tooLong(field string, n, most int) error {
	return invalid(field, "is %d bytes long; at most %d are allowed", n, most)
}
