package testcluster

import (
	"context"
	"fmt"
	"os/exec"
	"syscall"
)

// Site is a network namespace on the switch in which a test's own programs run. It has a whole network of addresses, and
// whoever listens there may choose among them. The ways to it are cut with [Wires.CutSite].
type Site struct {
	name   string
	number int // among all that is plugged into the switch
}

// firstSite is the number of the first site; those of nodes are below.
const firstSite = 101

// NewSite adds a site that all nodes reach.
func (w *Wires) NewSite() *Site {
	w.t.Helper()
	s := &Site{number: firstSite + len(w.sites)}
	s.name = fmt.Sprintf("n%d", s.number)
	w.plugIn(s.number)
	w.runIn(s.name, "route add local "+s.network()+" dev lo")
	w.run(fmt.Sprintf("route add %s via %s%d", s.network(), peerNet, s.number))
	w.sites = append(w.sites, s)
	for _, p := range w.Nodes {
		w.leadToSite(p, s, hardware(s.number))
		w.runIn(p.Name, fmt.Sprintf("route add %s via %s%d", s.network(), peerNet, s.number))
	}
	return s
}

func (s *Site) network() string { return fmt.Sprintf("10.%d.0.0/16", s.number) }

// Address is the nth address of the site, up to 60,000.
func (s *Site) Address(n int) string { return fmt.Sprintf("10.%d.%d.%d", s.number, n/250, n%250+1) }

// Command is a program that is run on the site. Its life ends with the test's.
func (s *Site) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + s.name, program}, args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return command
}

// CutSite loses everything that a node sends to a site. [Wires.Heal] ends that too.
func (w *Wires) CutSite(from *Process, to *Site) {
	w.t.Helper()
	w.leadToSite(from, to, nobody)
}

// leadToSite has what a node sends to a site go to a hardware address.
func (w *Wires) leadToSite(from *Process, to *Site, hardware string) {
	w.t.Helper()
	w.runIn(from.Name, fmt.Sprintf("neigh replace %s%d lladdr %s dev eth0 nud permanent", peerNet, to.number, hardware))
}
