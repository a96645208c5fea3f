package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	nethttp "net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// decode reads the body of a write into v: one JSON object that holds nothing which v does not know.
func decode(r *nethttp.Request, v any) error {
	if err := acceptable(r); err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if err := inspect(body); err != nil {
		return err
	}
	return strictly(body, v)
}

// acceptable tells whether the body says to be JSON, or nothing at all, or what curl -d says of everything. The browser's
// forms, which say the same, are kept out by the guard.
func acceptable(r *nethttp.Request) error {
	if err := uncoded(r); err != nil {
		return err
	}
	sent := r.Header.Get("Content-Type")
	if sent == "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(sent)
	switch {
	case err != nil:
	case mediaType == wire.TypeJSON, mediaType == typeForm,
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"):
		return nil
	}
	return wire.NewProblem(wire.CodeUnsupportedMediaType,
		fmt.Sprintf("Content-Type %q is not understood; send %s", sent, wire.TypeJSON))
}

// typeForm is the type of a browser's form, and what curl says of everything.
const typeForm = "application/x-www-form-urlencoded"

// uncoded refuses a body that was compressed on its way.
func uncoded(r *nethttp.Request) error {
	coding := r.Header.Get("Content-Encoding")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	return wire.NewProblem(wire.CodeUnsupportedMediaType,
		fmt.Sprintf("Content-Encoding %q is not understood; send the body as it is", coding))
}

// readBody reads all of the body, up to the limit that the guard has set.
func readBody(r *nethttp.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if tooMuch, ok := errors.AsType[*nethttp.MaxBytesError](err); ok {
		return nil, tooLarge(tooMuch.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("%w: the body was not there after %s", fault.ErrTimeout, requestTimeout)
	}
	switch {
	case err != nil:
		return nil, invalid("body", "broke off after %d bytes: %v", len(body), err)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, invalid("body", "is empty; a JSON object is wanted")
	case !utf8.Valid(body):
		return nil, invalid("body", "is not valid UTF-8")
	}
	return body, nil
}

// strictly decodes one JSON document and names what it does not understand.
func strictly(document []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid(orBody(wrong.Field), "must be %s, not %s", inWords(wrong.Type), article(wrong.Value))
	}
	// The standard library has no type for this error, only this text.
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		field, err := strconv.Unquote(quoted)
		if err != nil {
			field = quoted
		}
		return invalid(field, "there is no such field here")
	}
	return invalid("body", "%v", err)
}

func orBody(field string) string {
	if field == "" {
		return "body"
	}
	return field
}

// inWords says what JSON a Go type is written as.
func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number in range"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

func article(value string) string {
	switch {
	case value == "bool":
		return "true or false"
	case value == "object", value == "array":
		return "an " + value
	default:
		return "a " + value
	}
}
