package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// raftPreamble is the first byte of a connection that carries Raft's messages. HTTP/2 begins with the P of "PRI".
const raftPreamble = 'R'

// preambleTimeout is how long a new connection may take to say what it is for.
const preambleTimeout = 3 * time.Second

// port is the peer port: one listener whose connections go, by their first byte, to Raft or to the HTTP/2 server of
// the calls between nodes.
//
// A Raft connection names the cluster that it belongs to. One of another cluster is closed, and so is every one as
// long as this node belongs to none: a node whose disk was wiped takes no part in any vote before it was admitted. It
// also names the server that it is meant for: after it was admitted, such a node must not answer for the one that it was,
// since a vote or an entry of that one may have been lost with the disk.
type port struct {
	connections *connections // all that come in here and go out from here
	listener    net.Listener
	raftID      string
	clusterID   func() string
	log         *slog.Logger

	raft *connQueue
	rpc  *connQueue
	wait sync.WaitGroup
}

func openPort(ctx context.Context, network Network, address, raftID string, clusterID func() string, log *slog.Logger) (*port, error) {
	connections := newConnections(network)
	listener, err := connections.Listen(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("open the peer port: %w", err)
	}
	p := &port{
		connections: connections, listener: listener, raftID: raftID, clusterID: clusterID, log: log,
		raft: newConnQueue(listener.Addr()), rpc: newConnQueue(listener.Addr()),
	}
	p.wait.Go(p.accept)
	return p, nil
}

func (p *port) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.log.Warn("a connection to the peer port could not be accepted", "error", err)
			time.Sleep(50 * time.Millisecond) // out of file descriptors, most likely: do not spin
			continue
		}
		p.wait.Go(func() { p.route(conn) })
	}
}

// route reads what the connection is for and passes it on, or closes it.
func (p *port) route(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(preambleTimeout))
	var first [1]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		_ = conn.Close() // a port scan or a health probe; nothing to say about it
		return
	}
	if first[0] != raftPreamble {
		_ = conn.SetReadDeadline(time.Time{})
		p.rpc.put(&replayConn{Conn: conn, read: bytes.NewReader(first[:])})
		return
	}
	theirs, meant, err := readPreamble(conn)
	if ours := p.clusterID(); err != nil || ours == "" || theirs != ours || meant != p.raftID {
		p.log.Debug("a Raft connection was refused", "from", conn.RemoteAddr(), "its_cluster", theirs, "our_cluster", ours,
			"meant_for", meant, "we_are", p.raftID, "error", err)
		_ = conn.Close()
		return
	}
	p.raft.put(&stallConn{Conn: conn})
}

// close ends all connections too, whoever uses them.
func (p *port) close() {
	_ = p.listener.Close()
	p.connections.close()
	_ = p.raft.Close()
	_ = p.rpc.Close()
	p.wait.Wait()
}

// raftStream is the part of the port that Raft sees, a [raft.StreamLayer].
type raftStream struct {
	*connQueue
	port *port
}

// Dial connects to another node's Raft. Its time-out for a message is too long for a connection: after a partition, a new
// attempt comes through long before the packets that the old one sends again.
func (s raftStream) Dial(server raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), min(timeout, dialTimeout)) // Raft's interface has no context
	defer cancel()
	to := parseServer(string(server))
	conn, err := s.port.connections.Dial(ctx, to.Peer)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(preamble(s.port.clusterID(), to.RaftID)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// preamble is what a Raft connection begins with: to which cluster it belongs, and for which server it is meant.
func preamble(clusterID, raftID string) []byte {
	b := append([]byte{raftPreamble, byte(len(clusterID))}, clusterID...)
	b = append(b, byte(len(raftID)))
	return append(b, raftID...)
}

// readPreamble reads what follows the first byte.
func readPreamble(r io.Reader) (clusterID, raftID string, err error) {
	if clusterID, err = readID(r); err != nil {
		return "", "", err
	}
	raftID, err = readID(r)
	return clusterID, raftID, err
}

func readID(r io.Reader) (string, error) {
	var length [1]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return "", err
	}
	id := make([]byte, length[0])
	_, err := io.ReadFull(r, id)
	return string(id), err
}

// replayConn is a connection of which some bytes were read already; they come first.
type replayConn struct {
	net.Conn
	read *bytes.Reader
}

func (c *replayConn) Read(b []byte) (int, error) {
	if c.read.Len() > 0 {
		return c.read.Read(b)
	}
	return c.Conn.Read(b)
}
