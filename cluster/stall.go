package cluster

import (
	"net"
	"time"
)

// stallTimeout is how long a message of Raft's may stop half-way.
const stallTimeout = 10 * time.Second

// stallConn is the receiving side of a Raft connection. A message that stops half-way ends the connection.
//
// Raft reads a snapshot on the goroutine that also votes and appends, without a deadline, so a sender that was paused in
// the middle of one would freeze this node for as long as it sleeps, while the heartbeats of another leader still succeed.
// Between two messages a connection may be silent for ever. Raft answers every message, which tells the two cases apart: a
// connection on which something came that was not answered yet is in the middle of a message.
//
// Raft uses it on one goroutine at a time.
type stallConn struct {
	net.Conn
	unanswered bool
}

func (c *stallConn) Read(b []byte) (int, error) {
	var deadline time.Time
	if c.unanswered {
		deadline = time.Now().Add(stallTimeout)
	}
	if err := c.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	c.unanswered = c.unanswered || n > 0
	return n, err
}

func (c *stallConn) Write(b []byte) (int, error) {
	c.unanswered = false
	return c.Conn.Write(b)
}
