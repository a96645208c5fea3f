package mesh

import (
	"net/url"
	"strings"
)

// redacted stands for what must not be told.
const redacted = "REDACTED"

// fullURL is the URL as telemetry may show it: with the logical name, and without what may be a secret of the caller's.
func fullURL(u *url.URL) string {
	query := redactQuery(u.RawQuery)
	if u.User == nil && query == u.RawQuery {
		return u.String()
	}
	c := *u
	c.RawQuery = query
	if c.User != nil {
		c.User = url.UserPassword(redacted, redacted)
	}
	return c.String()
}

// redactQuery leaves a query as it is but for the values of sensitive keys.
func redactQuery(query string) string {
	var b strings.Builder
	kept := 0 // so much of the query is in b
	for at := 0; at < len(query); {
		end := len(query)
		if n := strings.IndexByte(query[at:], '&'); n >= 0 {
			end = at + n
		}
		if key, _, ok := strings.Cut(query[at:end], "="); ok && sensitive(key) {
			b.WriteString(query[kept : at+len(key)+1])
			b.WriteString(redacted)
			kept = end
		}
		at = end + 1
	}
	if kept == 0 {
		return query
	}
	b.WriteString(query[kept:])
	return b.String()
}

// sensitive knows the keys whose values OpenTelemetry's conventions for url.full and url.query want redacted, and those
// that earlier versions of them named: signatures and credentials of signed URLs. Case matters, escapes do not.
func sensitive(key string) bool {
	if strings.ContainsAny(key, "%+") {
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
	}
	switch key {
	case "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "X-Goog-Signature", "X-Goog-Credential", "sig",
		"AWSAccessKeyId", "Signature":
		return true
	}
	return false
}
