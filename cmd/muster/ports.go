package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// endpointFlag is an address that a node is to listen on, and the flag that chose it.
type endpointFlag struct {
	address  string
	flag     string
	networks []string // tcp, udp or both
}

// freePorts tries all addresses before anything is started, and explains the first that can't be had. Somebody may
// still take one in between; then the node itself fails, with fewer words.
func freePorts(ctx context.Context, endpoints ...endpointFlag) error {
	for _, e := range endpoints {
		for _, network := range e.networks {
			if err := tryListen(ctx, network, e.address); err != nil {
				return e.explain(network, err)
			}
		}
	}
	return nil
}

func tryListen(ctx context.Context, network, address string) error {
	var listen net.ListenConfig
	if network == "udp" {
		conn, err := listen.ListenPacket(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	listener, err := listen.Listen(ctx, network, address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// explain says why an address can't be listened on and what to do about it.
func (e endpointFlag) explain(network string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(e.address)
		owner := "another program"
		if o, ok := portOwner(network, e.address); ok {
			owner = o.String()
		}
		return fmt.Errorf("port %s is in use by %s: stop it or choose another with %s", port, owner, e.flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: choose one that is with %s", e.address, e.flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s: choose a port above 1023 with %s", e.address, e.flag)
	default:
		return fmt.Errorf("%s: %w", e.flag, err)
	}
}

// process is a running program.
type process struct {
	name string
	pid  int
}

func (p process) String() string { return fmt.Sprintf("%s (pid %d)", p.name, p.pid) }
