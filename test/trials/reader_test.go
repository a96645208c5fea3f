package trials

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// readerPatience is how long an answer may take. A node waits through an election for it, but not that long.
const readerPatience = 30 * time.Second

// reader is a connection to one node, on which a question can be put while the node is frozen: it waits at the node's
// socket.
type reader struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newReader(t *testing.T, node string) *reader {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(node, "http://"), readerPatience)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (r *reader) close() { _ = r.conn.Close() }

// ask puts the question for an instance, as linearizable, and returns when it has left.
func (r *reader) ask(service, id string) {
	r.t.Helper()
	_ = r.conn.SetDeadline(time.Now().Add(readerPatience))
	_, err := fmt.Fprintf(r.conn, "GET %s?consistency=linearizable HTTP/1.1\r\nHost: muster\r\n\r\n", wire.PathInstance(service, id))
	if err != nil {
		r.t.Fatal(err)
	}
}

// answer waits for the answer and returns the version that it shows. An answer that shows none is an error.
func (r *reader) answer() (version int, err error) {
	response, err := http.ReadResponse(r.in, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		var p wire.Problem
		if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
			return 0, fmt.Errorf("%s: %w", response.Status, err)
		}
		return 0, &p
	}
	var i registry.Instance
	if err := json.NewDecoder(response.Body).Decode(&i); err != nil {
		return 0, err
	}
	return strconv.Atoi(i.Metadata["version"])
}
