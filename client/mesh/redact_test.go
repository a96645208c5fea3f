package mesh

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestSecretsOfAURLAreNotTold(t *testing.T) {
	for given, want := range map[string]string{
		"http://payments":                                   "http://payments",
		"http://payments/a?of=1&signature=2":                "http://payments/a?of=1&signature=2",
		"http://ann@payments/a":                             "http://REDACTED:REDACTED@payments/a",
		"http://ann:pw@payments/a?sig=s&b=%20+":             "http://REDACTED:REDACTED@payments/a?sig=REDACTED&b=%20+",
		"http://payments/?sig=s":                            "http://payments/?sig=REDACTED",
		"http://payments/?a&sig=&sig=t=u&sig#sig=f":         "http://payments/?a&sig=REDACTED&sig=REDACTED&sig#sig=f",
		"http://payments/?X-Amz-Signature=s&X-Amz-Date=1":   "http://payments/?X-Amz-Signature=REDACTED&X-Amz-Date=1",
		"http://payments/?X-Amz-Credential=a%2Fb&&x=1":      "http://payments/?X-Amz-Credential=REDACTED&&x=1",
		"http://payments/?z=1&X-Amz-Security-Token=s":       "http://payments/?z=1&X-Amz-Security-Token=REDACTED",
		"http://payments/?X-Goog-Signature=s":               "http://payments/?X-Goog-Signature=REDACTED",
		"http://payments/?X-Goog-Credential=s":              "http://payments/?X-Goog-Credential=REDACTED",
		"http://payments/?AWSAccessKeyId=s&Signature=t":     "http://payments/?AWSAccessKeyId=REDACTED&Signature=REDACTED",
		"http://payments/?X%2DAmz-Signature=s&si%67=t&%zz=": "http://payments/?X%2DAmz-Signature=REDACTED&si%67=REDACTED&%zz=",
	} {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatal(err)
		}
		if got := fullURL(u); got != want {
			t.Errorf("%s is told as %s, want %s", given, got, want)
		}
		if u.String() != given {
			t.Errorf("the caller's %s has become %s", given, u)
		}
	}
}

// TestSecretsOfAURLAreInNoSpan has a call and its handler record one.
func TestSecretsOfAURLAreInNoSpan(t *testing.T) {
	provider, spans := recorded(t)
	w := newTown(t)
	h := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), WithTracerProvider(provider))
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	w.register(s.Listener.Addr().String())
	r, err := w.client(WithTracerProvider(provider)).Get("http://ann:pw@payments/charge?sig=secret&of=1")
	want(t, r, err, 200, "")
	s.Close() // the handler's span has ended
	told := map[string]string{}
	for _, s := range spans.GetSpans() {
		for key, value := range attributesOf(&s) {
			told[string(key)] = value
		}
	}
	if told["url.full"] != "http://REDACTED:REDACTED@payments/charge?sig=REDACTED&of=1" || told["url.query"] != "sig=REDACTED&of=1" {
		t.Errorf("%q and %q", told["url.full"], told["url.query"])
	}
}
