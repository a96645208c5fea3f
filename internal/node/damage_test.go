package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/harm"
)

// outcomeOf starts the node after damage, and requires that it serves what it should or says why it does not.
func outcomeOf(t *testing.T, h *home, d harm.Damage, holds string) outcome {
	t.Helper()
	n, err := h.try()
	if err != nil {
		requireALine(t, d, err)
		return refused
	}
	defer h.stop(n)
	for range 2 {
		if err := readyOrFailed(t, n); err != nil {
			requireALine(t, d, err)
			return refused
		}
		if got := content(n); got != holds {
			t.Fatalf("%s: it holds %s, and should hold %s", d, got, holds)
		}
		register(t, n, "p000") // there already, with the same content: nothing changes, but all is written through
	}
	return outcomeSaid(h.said.String())
}

// readyOrFailed waits until a node is ready, or has failed with a reason.
func readyOrFailed(t *testing.T, n *Node) (failed error) {
	t.Helper()
	eventually.Succeeds(t, patience, func() error {
		select {
		case failed = <-n.Failed():
			return nil
		default:
			return n.Ready()
		}
	})
	return failed
}

// Whatever bit of its files flips, and wherever one of them is cut, a node that is a cluster of its own serves exactly what
// it held, or refuses to start with a line that says what to do.
func TestDamageToTheOnlyNodeIsHealedOrRefused(t *testing.T) {
	good, _ := lived(t, 2, trailingLogs+10)
	n := good.start()
	register(t, n, "p000")
	holds := content(n)
	good.stop(n)
	random, counted := dice.New(t), tally{}
	for range flips(t) {
		h := good.copied(t)
		d := harm.Hurt(t, random, h.dir)
		counted.add(d, outcomeOf(t, h, d, holds))
		if t.Failed() {
			return
		}
		if err := os.RemoveAll(h.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("\n%s", counted)
}

// trio are three nodes of which the third can be stopped, hurt and started.
type trio struct {
	t      *testing.T
	config []Config
	nodes  []*Node
	said   *notes // by the third
}

func startTrio(t *testing.T) *trio {
	t.Helper()
	c := &trio{t: t, said: &notes{}}
	dir := t.TempDir()
	gossip := []string{free(t), free(t), free(t)}
	for i := range 3 {
		name := fmt.Sprintf("n%d", i+1)
		config := Config{
			ID: name, DataDir: filepath.Join(dir, name), HTTPAddr: free(t), PeerAddr: free(t), GossipAddr: gossip[i],
			Join: gossip, BootstrapExpect: 3, SnapshotThreshold: 20, TrailingLogs: trailingLogs,
			Logger: slog.New(slog.DiscardHandler),
		}
		if i == 2 {
			config.Logger = slog.New(slog.NewTextHandler(c.said, &slog.HandlerOptions{Level: slog.LevelWarn}))
		}
		n, err := Start(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		c.config, c.nodes = append(c.config, config), append(c.nodes, n)
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			c.close(n)
		}
	})
	for _, n := range c.nodes {
		eventually.Succeeds(t, patience, n.Ready)
	}
	return c
}

func (c *trio) close(n *Node) {
	c.t.Helper()
	if n == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		c.t.Errorf("close %s: %v", n.ID(), err)
	}
}

// stopThird stops the third node.
func (c *trio) stopThird() {
	c.t.Helper()
	c.close(c.nodes[2])
	c.nodes[2] = nil
}

// startThird starts it again.
func (c *trio) startThird() error {
	c.t.Helper()
	n, err := Start(c.t.Context(), c.config[2])
	c.nodes[2] = n
	return err
}

// requireThirdEqual waits until the third node is ready and stands at the index of the others, and compares them.
func (c *trio) requireThirdEqual(d harm.Damage) error {
	c.t.Helper()
	third := c.nodes[2]
	if err := readyOrFailed(c.t, third); err != nil {
		return err
	}
	var failed error
	eventually.Succeeds(c.t, patience, func() error {
		select {
		case failed = <-third.Failed():
			return nil
		default:
		}
		its, ours := third.Self(), c.nodes[0].Self()
		switch {
		case its.AppliedIndex != ours.AppliedIndex:
			return fmt.Errorf("it stands at %d, and the others at %d", its.AppliedIndex, ours.AppliedIndex)
		case its.StateHash != ours.StateHash:
			c.t.Fatalf("%s: at index %d it holds %s, and the others %s", d, its.AppliedIndex, content(third), content(c.nodes[0]))
		}
		return nil
	})
	return failed
}

// The same for one node of three, while the others go on.
func TestDamageToOneNodeOfThreeIsHealedOrRefused(t *testing.T) {
	c := startTrio(t)
	dir := c.config[2].DataDir
	random, counted := dice.New(t), tally{}
	for i := 0; i < 150 || len(snapshotsIn(t, dir)) == 0; i++ {
		register(t, c.nodes[i%3], fmt.Sprintf("p%03d", i%150))
		deregister(t, c.nodes[i%3], fmt.Sprintf("p%03d", (i+75)%150))
	}
	for trial := range flips(t) {
		c.stopThird()
		good := filepath.Join(t.TempDir(), "good")
		if err := os.CopyFS(good, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		register(t, c.nodes[random.IntN(2)], fmt.Sprintf("p%03d", 150+trial))
		d := harm.Hurt(t, random, dir)
		counted.add(d, c.outcomeOf(d, random))
		if t.Failed() {
			return
		}
		if c.nodes[2] == nil { // as whoever was refused would do, if there were a copy
			if err := errors.Join(os.RemoveAll(dir), os.Rename(good, dir), os.Chmod(dir, 0o700), c.startThird()); err != nil {
				t.Fatal(err)
			}
			if err := c.requireThirdEqual(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("\n%s", counted)
}

// outcomeOf starts the third node after damage. Where it is refused it is stopped.
func (c *trio) outcomeOf(d harm.Damage, random *rand.Rand) outcome {
	c.t.Helper()
	before := len(c.said.String())
	err := c.startThird()
	for range 2 {
		if err == nil {
			err = c.requireThirdEqual(d)
		}
		if err != nil {
			requireALine(c.t, d, err)
			c.stopThird()
			return refused
		}
		register(c.t, c.nodes[random.IntN(3)], "again")
	}
	return outcomeSaid(c.said.String()[before:])
}
