package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/musterhq/muster/internal/wire"
)

// Curl spells out a call as the command that makes it on the first of the client's nodes, ready for a POSIX shell.
func Curl[T any](c *Client, call Call[T]) (string, error) {
	return call.curl(c.nodes[0])
}

func (r request) curl(node *url.URL) (string, error) {
	payload, err := r.payload()
	if err != nil {
		return "", err
	}
	words := []string{"curl"}
	if strings.Contains(node.Host, "[") {
		words = append(words, "--globoff") // The brackets of an IPv6 address are no pattern.
	}
	if r.method != http.MethodGet {
		words = append(words, "-X", r.method)
	}
	words = append(words, quote(r.url(node)))
	if payload != nil {
		words = append(words, "-H", quote("Content-Type: "+wire.TypeJSON), "-d", quote(string(payload)))
	}
	return strings.Join(words, " "), nil
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
