package testcluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports that tests give to nodes lie below those that the kernel gives to outgoing connections: a node that comes
// back after a kill must find its port free.
const (
	firstPort = 20000
	lastPort  = 32000
)

// FreeAddress finds an address of the loopback interface whose port is free for TCP and UDP. Nothing keeps it free, but
// the ports are drawn at random, so that tests which run side by side do not meet.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		if IsFree(t.Context(), address) {
			return address
		}
	}
	t.Fatal("no free port was found")
	return ""
}

// IsFree tells whether nobody listens on the address, by TCP or UDP.
func IsFree(ctx context.Context, address string) bool {
	var lc net.ListenConfig
	tcp, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = tcp.Close() }()
	udp, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}
