package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// self is this test as the kernel calls it: the first 15 bytes of the program's name.
func self(t *testing.T) string {
	t.Helper()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s (pid %d)", strings.TrimSpace(string(name)), os.Getpid())
}

func TestAPortInUseNamesItsOwner(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("owners of ports are known on Linux only")
	}
	for _, bound := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", ":0"} {
		t.Run("tcp "+bound, func(t *testing.T) {
			listener, err := net.Listen("tcp", bound)
			if err != nil {
				t.Skip(err) // a machine without IPv6
			}
			defer listener.Close()
			port := listener.Addr().(*net.TCPAddr).Port
			for _, wanted := range []string{bound, "127.0.0.1:0"} {
				wanted = strings.TrimSuffix(wanted, "0") + fmt.Sprint(port)
				err := freePorts(t.Context(), endpointFlag{wanted, "--http-addr", []string{"tcp"}})
				if bound == "[::1]:0" && strings.HasPrefix(wanted, "127.") {
					if err != nil && strings.Contains(err.Error(), self(t)) {
						t.Errorf("%s while %s is bound: %v", wanted, bound, err)
					}
					continue // The same port of another address is free, unless another process has it.
				}
				if want := fmt.Sprintf("port %d is in use by %s: stop it or choose another with --http-addr", port, self(t)); fmt.Sprint(err) != want {
					t.Errorf("%s while %s is bound: %v, want %s", wanted, bound, err, want)
				}
			}
		})
	}
	t.Run("the same port of another address", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		port := listener.Addr().(*net.TCPAddr).Port
		if owner, ok := portOwner("tcp", fmt.Sprintf("127.0.0.1:%d", port)); ok && fmt.Sprint(owner) == self(t) {
			t.Errorf("%s was named, which does not stand in the way", owner)
		}
	})
	t.Run("udp", func(t *testing.T) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		err = freePorts(t.Context(), endpointFlag{conn.LocalAddr().String(), "--gossip-addr", []string{"tcp", "udp"}})
		if err == nil || !strings.Contains(err.Error(), self(t)) {
			t.Errorf("got %v, want it to name %s", err, self(t))
		}
	})
}

func TestOtherReasonsForNotListening(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:7300":         "192.0.2.1:7300 is not an address of this machine: choose one that is with --http-addr",
		"no.such.host.invalid:1": "--http-addr: ",
	} {
		err := freePorts(t.Context(), endpointFlag{address, "--http-addr", []string{"tcp"}})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

func TestAUsedPortStopsServerAndDevBeforeTheyTouchAnything(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	dir := filepath.Join(t.TempDir(), "data")
	for command, flag := range map[string]string{
		fmt.Sprintf("server --data-dir %s --peer-addr 127.0.0.1:%d --http-addr 127.0.0.1:0", dir, port): "--peer-addr",
		fmt.Sprintf("dev --data-dir %s --nodes 1 --http-port %d", dir, port):                            "--http-port",
	} {
		runWith(t, program{}, split(command)...).fails(t, exitFailed, fmt.Sprintf("port %d is in use by", port), flag)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data directory was made: %v", err)
	}
}
