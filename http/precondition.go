package http

import (
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/musterhq/muster/registry"
)

const (
	ifMatch     = "If-Match"
	ifNoneMatch = "If-None-Match"
)

// precondition reads what a conditional write depends on: If-Match: "<modify_index>", or If-None-Match: *.
// What else HTTP allows there, such as lists and weak tags, has no meaning here, and to ignore it would be to overwrite.
func precondition(r *nethttp.Request) (registry.Precondition, error) {
	var p registry.Precondition
	match, none := r.Header.Values(ifMatch), r.Header.Values(ifNoneMatch)
	switch {
	case len(match) > 0 && len(none) > 0:
		return p, invalid(ifMatch, "can't stand beside %s: an instance can't be at an index and absent at once", ifNoneMatch)
	case len(none) > 0:
		if len(none) > 1 || none[0] != "*" {
			return p, invalid(ifNoneMatch, "must be * alone, not %q", strings.Join(none, ", "))
		}
		p.Absent = true
	case len(match) > 0:
		index, ok := version(match)
		if !ok {
			return p, invalid(ifMatch, `must be one modify_index in quotes, such as "42", not %q`, strings.Join(match, ", "))
		}
		p.Match = index
	}
	return p, nil
}

// version reads the one index that If-Match may hold. Index 0 is none: no instance was ever changed there.
func version(values []string) (uint64, bool) {
	if len(values) != 1 {
		return 0, false
	}
	text, opened := strings.CutPrefix(values[0], `"`)
	text, closed := strings.CutSuffix(text, `"`)
	index, err := strconv.ParseUint(text, 10, 64)
	return index, opened && closed && err == nil && index > 0
}

// unconditional refuses preconditions on writes that have none. A caller who sends one counts on it.
func unconditional(r *nethttp.Request, headers ...string) error {
	for _, header := range headers {
		if len(r.Header.Values(header)) > 0 {
			return invalid(header, "does not apply to this call")
		}
	}
	return nil
}
