package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

func TestABodyThatIsNotUnderstoodSaysWhyAndChangesNothing(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	for name, c := range map[string]struct{ body, word string }{
		"empty":                {"", "empty"},
		"blank":                {" \n\t", "empty"},
		"no JSON":              {"address=10.0.0.7&port=80", "JSON"},
		"cut off":              {`{"address": "10.0.0.7"`, "ends in the middle"},
		"null":                 {"null", "object"},
		"a list":               {"[" + document + "]", "object"},
		"a string":             {`"payments"`, "object"},
		"a number":             {"42", "object"},
		"trailing document":    {document + document, "goes on"},
		"trailing garbage":     {document + " }", "goes on"},
		"trailing comma":       {`{"port": 80,}`, "JSON"},
		"comment":              {`{"port": 80 /* http */}`, "JSON"},
		"byte order mark":      {"\ufeff" + document, "JSON"},
		"unknown field":        {`{"address": "10.0.0.7", "port": 80, "wieght": 5}`, "wieght"},
		"unknown field within": {`{"address": "10.0.0.7", "port": 80, "lease": {"tll": "15s"}}`, "tll"},
		"odd unknown field":    {`{"a\"b\u0000": 1}`, "no such field"},
		"string for number":    {`{"address": "10.0.0.7", "port": "80"}`, "port: must be a whole number"},
		"fraction":             {`{"address": "10.0.0.7", "port": 80.5}`, "port: must be a whole number"},
		"huge number":          {`{"address": "10.0.0.7", "port": 1e400}`, "port: must be a whole number"},
		"number for string":    {`{"address": 7, "port": 80}`, "address: must be a string, not a number"},
		"list for string":      {`{"address": ["10.0.0.7"], "port": 80}`, "address: must be a string, not an array"},
		"object for list":      {`{"address": "10.0.0.7", "port": 80, "tags": {}}`, "tags: must be a list, not an object"},
		"list for object":      {`{"address": "10.0.0.7", "port": 80, "metadata": []}`, "metadata: must be an object"},
		"boolean for object":   {`{"address": "10.0.0.7", "port": 80, "lease": true}`, "lease: must be an object, not true or false"},
		"number for duration":  {`{"address": "10.0.0.7", "port": 80, "lease": {"ttl": 15}}`, "15s"},
		"key twice":            {`{"address": "10.0.0.7", "port": 80, "port": 81}`, `"port" twice`},
		"key twice within":     {`{"metadata": {"a": "1", "b": "2", "a": "3"}}`, `"a" twice`},
		"invalid UTF-8":        {"{\"zone\": \"\xff\"}", "UTF-8"},
		"too deep":             {strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), "32 levels"},
		"far too deep":         {`{"a":` + strings.Repeat("[", 60_000), "32 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &harness{t, h.node, h.api}
			r := h.call("PUT", payments1, c.body)
			r.about(wire.CodeInvalidRequest, c.word)
			if p := r.asProblem(); p.Outcome != wire.NotApplied {
				t.Errorf("outcome %q", p.Outcome)
			}
		})
	}
}

func TestNestingUpToTheLimitIsRefusedForWhatItIs(t *testing.T) {
	h := newHarness(t)
	body := strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 32)
	h.call("PUT", payments1, body).about(wire.CodeInvalidRequest, "a: there is no such field")
}

func TestTheSameKeyMayStandInSeveralObjects(t *testing.T) {
	h := newHarness(t)
	h.call("PUT", payments1, `{"address": "10.0.0.7", "port": 80, "metadata": {"port": "a", "name": "a"},
		"checks": [{"name": "a", "type": "tcp", "port": 1}, {"name": "b", "type": "tcp", "port": 1}]}`).want(201)
}

func TestTextInEveryScriptArrivesAsItWasSent(t *testing.T) {
	h := newHarness(t)
	i := h.put("payments", "payments-1", `{"address": "10.0.0.7", "port": 80, "tags": ["größe", "\u6771\u4eac", "🦆"]}`)
	if got := strings.Join(i.Tags, " "); got != "größe 東京 🦆" {
		t.Errorf("tags %q", got)
	}
}

func TestABodyBeyondTheLimitIsTooLarge(t *testing.T) {
	h := newHarness(t)
	defer h.unchanged()()
	pad := func(n int) string { return document + strings.Repeat(" ", n-len(document)) }
	h.call("PUT", payments1, pad(64<<10+1)).about(wire.CodeTooLarge, "64 KiB")
	h.call("PUT", payments1+"/health", pad(64<<10+1)).problem(wire.CodeTooLarge)
	h.call("POST", "/v1/batch", pad(1<<20+1)).about(wire.CodeTooLarge, "1024 KiB")
	h.call("POST", "/v1/batch", pad(1<<20)).problem(wire.CodeInvalidRequest)
}

func TestABodyUpToTheLimitIsRead(t *testing.T) {
	h := newHarness(t)
	h.call("PUT", payments1, document+strings.Repeat(" ", 64<<10-len(document))).want(201)
}

// endless is a body without a length that never ends.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return len(b), nil
}

func TestABodyWithoutALengthIsReadNoFurtherThanTheLimit(t *testing.T) {
	h := newHarness(t)
	defer h.unchanged()()
	body := new(endless)
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, httptest.NewRequest("PUT", payments1, body))
	reply{w, t}.problem(wire.CodeTooLarge)
	if body.read > 256<<10 {
		t.Errorf("%d bytes were read", body.read)
	}
}

// broken is a body that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestABodyThatBreaksOffIsNotTheNodesFault(t *testing.T) {
	h := newHarness(t)
	defer h.unchanged()()
	for err, code := range map[error]wire.Code{
		io.ErrUnexpectedEOF: wire.CodeInvalidRequest,
		fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded): wire.CodeTimeout,
	} {
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, httptest.NewRequest("PUT", payments1, broken{err}))
		if p := (reply{w, t}).problem(code); p.Outcome != wire.NotApplied {
			t.Errorf("%v: outcome %q", err, p.Outcome)
		}
	}
}

func TestABodySaysThatItIsJSONOrNothing(t *testing.T) {
	h := newHarness(t)
	for _, mediaType := range []string{
		"application/json", "Application/JSON; charset=utf-8", "application/vnd.muster+json", "application/x-www-form-urlencoded",
	} {
		h.call("PUT", payments1, document, "Content-Type: "+mediaType)
		if got := h.node.State().Len(); got != 1 {
			t.Errorf("%s was not accepted", mediaType)
		}
		h.call("DELETE", payments1, "").want(200)
	}
	defer h.unchanged()()
	for _, mediaType := range []string{"text/plain", "text/json", "multipart/form-data; boundary=x", "application/yaml", "json", ";"} {
		h.call("PUT", payments1, document, "Content-Type: "+mediaType).about(wire.CodeUnsupportedMediaType, "application/json")
	}
}

func TestABodyIsNotUnpacked(t *testing.T) {
	h := newHarness(t)
	h.call("PUT", payments1, document, "Content-Encoding: identity").want(201)
	defer h.unchanged()()
	for _, coding := range []string{"gzip", "deflate", "br", "gzip, identity"} {
		h.call("PUT", payments1, document, "Content-Encoding: "+coding).problem(wire.CodeUnsupportedMediaType)
	}
}

func TestAPageOfAnotherSiteCantWrite(t *testing.T) {
	h := newHarness(t)
	h.call("PUT", payments1, document, "Origin: http://node.example").want(201)
	defer h.unchanged()()
	for _, header := range []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		r := h.call("POST", "/v1/batch", batchOf(register2), header, "Content-Type: application/x-www-form-urlencoded")
		if p := r.problem(wire.CodeForbidden); p.Outcome != wire.NotApplied {
			t.Errorf("outcome %q", p.Outcome)
		}
		h.call("DELETE", payments1, "", header).problem(wire.CodeForbidden)
		h.call("GET", "/v1/services", "", header).want(nethttp.StatusOK)
	}
}
