package http

import (
	"fmt"
	"maps"
	nethttp "net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/registry"
)

// params are the query parameters of one request. A route takes those it knows, and done refuses what is left over: a
// parameter that is misspelt, or of another version, must not be taken for one that was obeyed. Of several mistakes the
// first is kept until then.
type params struct {
	left url.Values
	err  error
}

func newParams(r *nethttp.Request) *params {
	if r.URL.RawQuery == "" {
		return &params{}
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &params{err: invalid("query", "can't be read: %v", err)}
	}
	return &params{left: values}
}

// done returns the first mistake.
func (p *params) done() error {
	if p.err == nil && len(p.left) > 0 {
		p.fail(slices.Min(slices.Collect(maps.Keys(p.left))), "there is no such parameter here")
	}
	return p.err
}

// noParams is for routes that have none.
func noParams(r *nethttp.Request) error { return newParams(r).done() }

// text takes a parameter that may stand once, and tells whether it does and everything was right so far.
func (p *params) text(name string) (string, bool) {
	values, ok := p.left[name]
	if !ok {
		return "", false
	}
	delete(p.left, name)
	switch {
	case len(values) > 1:
		p.fail(name, "stands %d times, and may once", len(values))
	case values[0] == "":
		p.fail(name, "is empty; leave it out if you don't want it")
	}
	return values[0], p.err == nil
}

// list takes a parameter that may stand several times.
func (p *params) list(name string) []string {
	values := p.left[name]
	delete(p.left, name)
	if slices.Contains(values, "") {
		p.fail(name, "is empty; leave it out if you don't want it")
	}
	return values
}

// pairs takes all parameters with a prefix, as a map from what follows it in their names. A value may be empty.
func (p *params) pairs(prefix string) map[string]string {
	var pairs map[string]string
	for name, values := range p.left {
		key, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		delete(p.left, name)
		switch {
		case key == "":
			p.fail(name, "needs a key: %sKEY=VALUE", prefix)
		case len(values) > 1:
			p.fail(name, "stands %d times, and may once", len(values))
		}
		if pairs == nil {
			pairs = make(map[string]string)
		}
		pairs[key] = values[0]
	}
	return pairs
}

// number takes a parameter that is an index.
func (p *params) number(name string) (uint64, bool) {
	text, ok := p.text(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		p.fail(name, "must be a whole number from 0, not %q", text)
	}
	return n, err == nil
}

// flag takes a parameter that is true or false, and false where it is left out.
func (p *params) flag(name string) bool {
	text, ok := p.text(name)
	if ok && text != "true" && text != "false" {
		p.fail(name, "must be true or false, not %q", text)
	}
	return text == "true"
}

// duration takes a parameter that is a length of time.
func (p *params) duration(name string) (time.Duration, bool) {
	text, ok := p.text(name)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		p.fail(name, `must be a duration such as "2s" or "1m30s", not %q`, text)
		return 0, false
	}
	return d, true
}

func (p *params) fail(name, format string, args ...any) {
	p.note(invalid(name, format, args...))
}

// note keeps the first mistake.
func (p *params) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

// invalid is the error of a request whose field, parameter or header breaks a rule.
func invalid(field, format string, args ...any) error {
	return &registry.InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
