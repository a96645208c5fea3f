package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// inspect walks over a JSON document before it is decoded and refuses what decoding would let pass: anything but one
// object, nesting without end, and a key that stands twice in an object, where it would be a guess which one counts.
func inspect(document []byte) error {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var open []container
	for first := true; first || len(open) > 0; first = false {
		token, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		if first && token != json.Delim('{') {
			return invalid("body", "must be a JSON object")
		}
		if n := len(open); n > 0 && !open[n-1].take(token) {
			return invalid("body", "has the key %q twice in one object", token)
		}
		switch token {
		case json.Delim('{'):
			open = append(open, container{keys: make(map[string]bool), wantsKey: true})
		case json.Delim('['):
			open = append(open, container{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > maxDepth {
			return invalid("body", "is nested deeper than %d levels", maxDepth)
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("body", "goes on after its JSON object has ended")
	}
	return nil
}

// container is an object or a list that is being read.
type container struct {
	keys     map[string]bool // nil in a list
	wantsKey bool            // in an object: the next token is a key, or its end
}

// take notes the next token of the container, and is false where that is a key for the second time.
func (c *container) take(token json.Token) bool {
	if c.keys == nil {
		return true
	}
	if c.wantsKey {
		key, ok := token.(string)
		if !ok {
			return true // the end
		}
		if c.keys[key] {
			return false
		}
		c.keys[key] = true
	}
	c.wantsKey = !c.wantsKey
	return true
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return invalid("body", "is no JSON: it ends in the middle")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return invalid("body", "is no JSON: %v, at byte %d", syntax, syntax.Offset)
	}
	return invalid("body", "is no JSON: %v", err)
}
