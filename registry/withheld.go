package registry

import "net/textproto"

// WithheldHeader says why no check sends a header, and what to do instead; it is empty for those that are sent.
func WithheldHeader(name string) string {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Host":
		return "a check goes to the instance's own address; register the instance under that name, or let the path answer without it"
	case "Authorization", "Proxy-Authorization", "Cookie":
		return "whoever may read sees the checks, and would see the secret; let the path answer without it"
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Http2-Settings", "Content-Length", "Expect":
		return "it is about the connection, which is the registry's; leave it out"
	default:
		return ""
	}
}
