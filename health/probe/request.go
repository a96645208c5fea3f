package probe

import (
	"bytes"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/musterhq/muster/registry"
)

// request is that of a check as it goes over the wire. It is written once for all questions that are put on a connection.
type request struct {
	of      registry.Check
	written []byte
	head    *http.Request // no more of it than says how to read an answer
}

// request makes the request of an HTTP check, or says what is wrong with the check.
func (p *Prober) request(t *Target) (asked *request, problem string) {
	at, err := url.ParseRequestURI(t.Check.Path)
	if err != nil {
		return nil, fmt.Sprintf("the path %q of the check can't be asked for", t.Check.Path)
	}
	at.Scheme, at.Host = "http", t.host()
	if t.Check.TLS {
		at.Scheme = "https"
	}
	head := make(http.Header, len(t.Check.Headers)+1)
	head.Set("User-Agent", p.config.UserAgent)
	for name, value := range t.Check.Headers {
		if reason := registry.WithheldHeader(name); reason != "" {
			return nil, fmt.Sprintf("the check has a header %s, which is never sent: %s", textproto.CanonicalMIMEHeaderKey(name), reason)
		}
		head.Set(name, value)
	}
	req := &http.Request{
		Method: t.Check.Method, URL: at, Host: at.Host, Header: head,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Close: !reusable(t),
	}
	var written bytes.Buffer
	if err := req.Write(&written); err != nil {
		return nil, "the check can't be asked: " + err.Error()
	}
	return &request{of: t.Check, written: bytes.Clone(written.Bytes()), head: &http.Request{Method: t.Check.Method}}, ""
}

// host is what the instance is called in a request: without the port where it goes without saying.
func (t *Target) host() string {
	port := t.port()
	if port == 80 && !t.Check.TLS || port == 443 && t.Check.TLS {
		return strings.TrimSuffix(t.hostPort(), fmt.Sprintf(":%d", port))
	}
	return t.hostPort()
}
