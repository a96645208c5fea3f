package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// How often a client that is in use asks which nodes there are: as a rule, and after trouble. While the trouble goes on, it
// asks half as often each time: thousands of clients would else give nodes that are too busy as much to do again.
const (
	refreshEvery = 30 * time.Second
	refreshSoon  = 500 * time.Millisecond
)

// upkeep says when the known nodes should be asked for anew.
type upkeep struct {
	used     *atomic.Bool // since the last time
	troubled chan struct{}
}

func newUpkeep() upkeep { return upkeep{used: new(atomic.Bool), troubled: make(chan struct{}, 1)} }

func (u upkeep) use() { u.used.Store(true) }

func (u upkeep) trouble() {
	select {
	case u.troubled <- struct{}{}:
	default:
	}
}

// Refresh asks a node which nodes there are. Those that were given stay known, whatever it says.
func Refresh(ctx context.Context, c *Client) error {
	answer, err := Do(ctx, c, Cluster().Within(memoryPatience))
	if err != nil {
		return err
	}
	if answer.Body.ID == "" {
		return errors.New("the node belongs to no cluster, and knows no nodes of one")
	}
	if _, foreign := c.session.foreign(answer.Body.ID); foreign {
		return &otherCluster{theirs: answer.Body.ID}
	}
	var addresses []string
	for _, node := range answer.Body.Nodes {
		if node.HTTP != "" {
			addresses = append(addresses, node.HTTP)
		}
	}
	c.nodes.replace(addresses)
	return nil
}

// Maintain keeps the known nodes up to date until ctx ends, for as long as the client is in use: now and then, and soon after
// a node has failed. An idle client asks nobody.
func Maintain(ctx context.Context, c *Client) {
	pause, soon := rand.N(refreshSoon), refreshSoon
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		if c.upkeep.used.Swap(false) {
			// Where it fails there is trouble anyway, and those who call are told of it.
			if Refresh(ctx, c) == nil {
				c.upkeep.used.Store(false)
			}
		}
		regular := time.NewTimer(refreshEvery/2 + rand.N(refreshEvery))
		select {
		case <-regular.C:
			pause, soon = 0, refreshSoon
		case <-c.upkeep.troubled:
			pause = soon + rand.N(soon)
			soon = min(2*soon, refreshEvery)
		case <-ctx.Done():
		}
		regular.Stop()
	}
}
