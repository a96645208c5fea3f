package main

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portOwner finds the process that holds a port. It finds nothing where that process belongs to somebody else, since
// only root may look into the files of others.
func portOwner(network, address string) (process, bool) {
	wanted, err := resolve(address)
	if err != nil {
		return process{}, false
	}
	for _, table := range []string{network, network + "6"} {
		inode, ok := socketInode(filepath.Join("/proc/net", table), wanted)
		if !ok {
			continue
		}
		if owner, ok := socketOwner(inode); ok {
			return owner, true
		}
	}
	return process{}, false
}

func resolve(address string) (netip.AddrPort, error) {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	addr, port := a.AddrPort().Addr().Unmap(), a.AddrPort().Port()
	if !addr.IsValid() {
		addr = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(addr, port), nil
}

// socketInode finds, in a table of the kernel's sockets, the one that stands in the way of an address. Its columns are
// described in proc(5): the second is the local address, the third the remote one, the tenth the inode.
func socketInode(table string, wanted netip.AddrPort) (string, bool) {
	sockets, err := os.ReadFile(table)
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(sockets)) {
		columns := strings.Fields(line)
		if len(columns) < 10 {
			continue
		}
		local, ok := parseSocketAddress(columns[1])
		remote, ok2 := parseSocketAddress(columns[2])
		// A socket without a remote port is one that listens, or that receives from anybody.
		if ok && ok2 && remote.Port() == 0 && overlap(local, wanted) {
			return columns[9], true
		}
	}
	return "", false
}

// overlap tells whether two sockets can't listen at once.
func overlap(a, b netip.AddrPort) bool {
	if a.Port() != b.Port() {
		return false
	}
	return a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified()
}

// parseSocketAddress reads an address such as 0100007F:1C84: 32-bit words in the byte order of the machine, then the port.
func parseSocketAddress(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(host)
	if err != nil || len(words)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(words); i += 4 {
		binary.BigEndian.PutUint32(words[i:], binary.NativeEndian.Uint32(words[i:]))
	}
	addr, ok := netip.AddrFromSlice(words)
	number, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), ok && err == nil
}

// socketOwner finds the process that has a socket open.
func socketOwner(inode string) (process, bool) {
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return process{}, false
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err != nil || target != "socket:["+inode+"]" {
			continue
		}
		dir := filepath.Dir(filepath.Dir(file))
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		pid, errPID := strconv.Atoi(filepath.Base(dir))
		if err == nil && errPID == nil {
			return process{name: strings.TrimSpace(string(name)), pid: pid}, true
		}
	}
	return process{}, false
}
