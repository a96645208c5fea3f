package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/musterhq/muster/internal/wire"
)

// Curl spells out a call as the command that makes it on the first of the client's nodes, ready for a POSIX shell.
func Curl[T any](c *Client, call Call[T]) (string, error) {
	return call.curl(c.nodes.first())
}

func (r request) curl(node *url.URL) (string, error) {
	payload, err := r.payload()
	if err != nil {
		return "", err
	}
	words := curl(node)
	if r.method != http.MethodGet {
		words = append(words, "-X", r.method)
	}
	words = append(words, quote(r.url(node)))
	if payload != nil {
		words = append(words, "-H", quote("Content-Type: "+wire.TypeJSON), "-d", quote(string(payload)))
	}
	return strings.Join(words, " "), nil
}

// CurlSave spells out [SaveSnapshot] into a file; - is the standard output.
func CurlSave(c *Client, file string) string {
	words := append(curl(c.nodes.first()), "--fail-with-body")
	if file != "-" {
		words = append(words, "-o", quote(file))
	}
	return strings.Join(append(words, quote(saveRequest().url(c.nodes.first()))), " ")
}

// CurlWatch spells out a watch from its beginning.
func CurlWatch(c *Client, w Watching) string {
	call := w.request(Position{})
	words := append(curl(c.nodes.first()), "-N", "-H", quote("Accept: "+call.accept), quote(call.url(c.nodes.first())))
	return strings.Join(words, " ")
}

// CurlRestore spells out [RestoreSnapshot] of a file.
func CurlRestore(c *Client, file string) string {
	words := append(curl(c.nodes.first()), "--fail-with-body", "-T", quote(file), quote(restoreRequest().url(c.nodes.first())))
	return strings.Join(words, " ")
}

// curl begins a command that goes to a node.
func curl(node *url.URL) []string {
	if strings.Contains(node.Host, "[") {
		return []string{"curl", "--globoff"} // The brackets of an IPv6 address are no pattern.
	}
	return []string{"curl"}
}

// plain are the characters that mean nothing to a shell.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=%@+,"

// quote makes one word of the shell of any text.
func quote(text string) string {
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
