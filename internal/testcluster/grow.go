package testcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// PrepareProcesses makes n servers that know each other, and starts none of them. What they are to form the flags must say.
func PrepareProcesses(t testing.TB, n int, flags ...string) *Processes {
	t.Helper()
	c := &Processes{t: t}
	dir := keepOnFailure(t)
	var gossip []string
	for range n {
		gossip = append(gossip, FreeAddress(t))
	}
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		c.Nodes = append(c.Nodes, newProcess(t, dir, filepath.Join(dir, name), name, gossip[i],
			append([]string{"--join", strings.Join(gossip, ",")}, flags...)))
	}
	return c
}

// Add starts one more server, which joins the nodes that are there, with further flags, and does not wait for anything.
func (c *Processes) Add(flags ...string) *Process {
	c.t.Helper()
	p := c.Prepare(flags...)
	p.Start()
	return p
}

// Prepare makes one more server, which is to join the nodes that are there, and does not start it.
func (c *Processes) Prepare(flags ...string) *Process {
	c.t.Helper()
	first := c.Nodes[0]
	name := fmt.Sprintf("n%d", len(c.Nodes)+1)
	p := newProcess(c.t, filepath.Dir(first.logPath), filepath.Join(filepath.Dir(first.DataDir), name), name, FreeAddress(c.t),
		append([]string{"--join", strings.Join(c.gossip(), ",")}, flags...))
	c.Nodes = append(c.Nodes, p)
	return p
}

func (c *Processes) gossip() []string {
	var addresses []string
	for _, p := range c.Nodes {
		addresses = append(addresses, p.Gossip)
	}
	return addresses
}

// Wipe empties the disk of a server that does not run.
func (p *Process) Wipe() {
	p.t.Helper()
	if err := os.RemoveAll(p.DataDir); err != nil {
		p.t.Fatal(err)
	}
}

// Flags adds flags to the next start of a server; the last one of a kind counts.
func (p *Process) Flags(flags ...string) { p.args = append(p.args, flags...) }

// Overlay has the program of the next start built with an overlay of package overlay; empty has it as it is.
func (p *Process) Overlay(path string) { p.overlay = path }
