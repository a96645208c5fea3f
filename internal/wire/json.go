package wire

import (
	"bytes"
	"encoding/json"
)

// Encode writes v as JSON on one line, as it stands in all bodies: without the escapes that only HTML needs, since people
// read it too, and without a line break at the end.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
