package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// banner tells what is running, what to try and how to stop.
func banner(w io.Writer, nodes []runningNode, took time.Duration, where string) error {
	first, last := nodes[0].HTTPAddr(), nodes[len(nodes)-1].HTTPAddr()
	var b strings.Builder
	fmt.Fprintf(&b, "\nMuster is ready: %s, after %s\n\n", count(len(nodes), "node"), took.Round(10*time.Millisecond))
	for i, n := range nodes {
		fmt.Fprintf(&b, "  %-4s http://%s\n", label(i), n.HTTPAddr())
	}
	fmt.Fprintf(&b, "\nRegister an instance on the first node, discover it on the last:\n\n")
	fmt.Fprintf(&b, "  curl -X PUT http://%s/v1/services/hello/instances/h1 \\\n", first)
	fmt.Fprintf(&b, "       -H 'Content-Type: application/json' -d '{\"address\":\"127.0.0.1\",\"port\":8080}'\n")
	fmt.Fprintf(&b, "  curl http://%s/v1/services/hello\n\n", last)
	fmt.Fprintf(&b, "Or with this program:\n\n")
	fmt.Fprintf(&b, "  muster register hello --address 127.0.0.1 --port 8081%s\n", addrFlag(first))
	fmt.Fprintf(&b, "  muster discover hello%s\n\n", addrFlag(last))
	fmt.Fprintf(&b, "The data is in %s. Stop with Ctrl-C.\n", where)
	_, err := io.WriteString(w, b.String())
	return err
}

// addrFlag is what a command needs to speak to a node, nothing where that is the default.
func addrFlag(address string) string {
	if address == "127.0.0.1:7300" {
		return ""
	}
	return " --addr http://" + address
}

// count says how many there are of a thing.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
