package simulation

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/registry"
)

// node is a machine with a disk, and whatever process runs on it.
type node struct {
	t       *testing.T
	network *network
	config  cluster.Config
	machine string // its address
	disk    *disk
	dice    *rand.Rand
	watched func(*fsm.Machine, iter.Seq[registry.Change])

	starting chan struct{} // holds one while a process is started
	last     *process

	mu      sync.Mutex
	process *process // nil while none runs
}

// now is the process that runs, nil if none does.
func (n *node) now() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// start runs a process, once the last one is gone, unless one runs. Of two who want to start one, the other waits: two
// processes on one disk is what the lock of a data directory prevents.
func (n *node) start() {
	n.starting <- struct{}{}
	defer func() { <-n.starting }()
	if n.now() != nil {
		return
	}
	if n.last != nil {
		n.last.wait.Wait()
	}
	p, err := launch(n.config, n.network.plug(n.machine), n.disk.mount(n.dice.Uint64()), n.watched)
	if err != nil {
		n.t.Errorf("start %s: %v", n.config.Label, err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process, n.last = p, p
}

// kill ends the process, if one runs.
func (n *node) kill(silently bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		n.process.kill(silently, n.disk)
		n.process = nil
	}
}

// supervise starts a process again that has ended itself.
func (n *node) supervise(failed func(error)) {
	p := n.now()
	if p == nil {
		return
	}
	select {
	case err := <-p.failed:
		failed(fmt.Errorf("%s: %w", n.config.Label, err))
		n.kill(false)
		time.Sleep(time.Second)
		n.start()
	default:
	}
}
