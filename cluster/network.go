package cluster

import (
	"context"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Network is how nodes reach each other's peer ports. It is the seam for encryption: an implementation with TLS needs
// no change in Raft or in those who call other nodes. Its methods are called from many goroutines at once.
type Network interface {
	Listen(ctx context.Context, address string) (net.Listener, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// deadPeer is how long a connection may go unacknowledged by the other side's kernel. Linux's own default keeps a
// connection to a vanished machine for a quarter of an hour, in which Raft would wait for an answer on it.
const deadPeer = 10 * time.Second

// TCP is the [Network] without encryption.
type TCP struct{}

// Listen opens the port.
func (TCP) Listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{Control: noticeDeadPeers, KeepAliveConfig: keepAlive()}
	return lc.Listen(ctx, "tcp", address)
}

// Dial connects to another node's port.
func (TCP) Dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Control: noticeDeadPeers, KeepAliveConfig: keepAlive()}
	return d.DialContext(ctx, "tcp", address)
}

func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}
}

// noticeDeadPeers bounds how long written bytes may stay unacknowledged; keep-alives only watch a silent connection.
func noticeDeadPeers(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadPeer.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return set
}
