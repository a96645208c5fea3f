package mesh

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// TestAProxyIsForTheWorldOutside has one that takes every call, as HTTP_PROXY in the environment may name it.
func TestAProxyIsForTheWorldOutside(t *testing.T) {
	var proxied hits
	proxy := httptest.NewServer(proxied.answer(407))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := newTown(t)
	w.serve(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, r.RequestURI) })
	base := newBase()
	base.Proxy = http.ProxyURL(address)
	c := w.client(WithBase(base))
	r, err := c.Get("http://payments/")
	want(t, r, err, 200, "/") // and not the whole URL, which is for proxies
	if proxied.Load() != 0 {
		t.Error("a call to an instance went by the proxy")
	}
	r, err = c.Get("http://example.invalid:80/")
	want(t, r, err, 407, "407 ")
}

// TestABaseThatMayUseHTTP2DoesSoToInstances, though net/http does not trust dial functions with it.
func TestABaseThatMayUseHTTP2DoesSoToInstances(t *testing.T) {
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // of a test
	for name, c := range map[string]struct {
		base  *http.Transport
		major int
	}{
		"by default":   {&http.Transport{TLSClientConfig: insecure.Clone()}, 2},
		"switched off": {&http.Transport{TLSClientConfig: insecure.Clone(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			s := httptest.NewUnstartedServer(new(hits).answer(200))
			s.EnableHTTP2 = true
			s.StartTLS()
			t.Cleanup(s.Close)
			w.register(s.Listener.Addr().String())
			r, err := w.client(WithBase(c.base)).Get("https://payments/")
			want(t, r, err, 200, "200 ")
			if r.ProtoMajor != c.major {
				t.Error(r.Proto)
			}
		})
	}
}
