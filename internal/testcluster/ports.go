package testcluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// The ports that tests give to nodes lie below those that the kernel gives to outgoing connections: a node that comes
// back after a kill must find its port free.
const (
	firstPort = 20000
	lastPort  = 32000
)

// FreeAddress finds an address of the loopback interface whose port is free for TCP and UDP, and keeps other tests away
// from it, also those of other processes, until this one ends.
func FreeAddress(t testing.TB) string { return address(FreePorts(t, 0)) }

// FreePorts finds a port that is free, together with those at the offsets from it, and reserves them like [FreeAddress].
func FreePorts(t testing.TB, offsets ...int) (first int) {
	t.Helper()
	for range 1000 {
		first = firstPort + rand.IntN(lastPort-firstPort)
		if reserveAll(t, first, offsets) {
			return first
		}
	}
	t.Fatal("no free port was found")
	return 0
}

func reserveAll(t testing.TB, first int, offsets []int) bool {
	var release []func()
	for _, offset := range offsets {
		free, ok := reserve(t, first+offset)
		if !ok {
			for _, f := range release {
				f()
			}
			return false
		}
		release = append(release, free)
	}
	for _, f := range release {
		t.Cleanup(f)
	}
	return true
}

// reserve takes a port by a lock on a file, which all test processes of the machine respect, and looks whether anybody
// else has it.
func reserve(t testing.TB, port int) (release func(), ok bool) {
	dir := filepath.Join(os.TempDir(), "muster-test-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // shared with the tests of other users
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false // another user's
	}
	release = func() { _ = f.Close() } // and with it the lock
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !isFree(address(port)) {
		release()
		return nil, false
	}
	return release, true
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// isFree tells whether nobody listens on the address, by TCP or UDP.
func isFree(address string) bool {
	var lc net.ListenConfig
	ctx := context.Background()
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
