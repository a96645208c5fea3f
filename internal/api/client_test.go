package api

import (
	"strings"
	"testing"
)

func TestAddressesOfNodes(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:7300":     "http://127.0.0.1:7300",
		"https://muster.example/":   "https://muster.example",
		" 127.0.0.1:7300 ":          "http://127.0.0.1:7300",
		"localhost":                 "http://localhost",
		"[::1]:7300":                "http://[::1]:7300",
		"HTTP://N1.Example:7300":    "http://N1.Example:7300",
		"":                          "is not the address of a node",
		"ftp://h:1":                 "is not the address of a node",
		"http://":                   "is not the address of a node",
		"http://h:port":             "is not the address of a node",
		"http://h:1/v1/services":    "more than the address",
		"http://h:1?x=y":            "more than the address",
		"http://h:1?":               "more than the address",
		"http://h:":                 "no port",
		"h:0":                       "no port",
		"h:65536":                   "no port",
		"http://[::1]:-1":           "is not the address of a node",
		"n1:7300,n2:7300":           "is not the address of a node",
		"http://user:secret@h:7300": "more than the address",
	} {
		c, err := New(address)
		switch {
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v, want %q", address, err, want)
		case err == nil && c.nodes.first().String() != want:
			t.Errorf("%q becomes %s, want %s", address, c.nodes.first(), want)
		}
	}
	if _, err := New(); err == nil {
		t.Error("a client of no nodes was made")
	}
}

// A node that is given twice is one: asked twice in each round it would be waited for twice, and its twin would never have failed.
func TestANodeThatIsGivenTwiceIsKnownOnce(t *testing.T) {
	c, err := New("http://n1:7300", "n2:7300", "N1:7300", "http://n1:7300/")
	if err != nil {
		t.Fatal(err)
	}
	c.nodes.replace([]string{"http://N2:7300"})
	if c.nodes.count() != 2 || c.nodes.first().String() != "http://n1:7300" {
		t.Errorf("%d nodes are known, first %s", c.nodes.count(), c.nodes.first())
	}
}
