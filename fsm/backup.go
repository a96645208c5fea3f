package fsm

import (
	"bufio"
	"io"

	"github.com/musterhq/muster/store"
)

// Backup is the state of one moment, for an operator to keep. It holds nothing up and costs nothing but the memory that
// the state has given up since.
type Backup struct {
	position  *position
	clusterID string
}

// Backup takes the newest state. It leaves out what is staged of a restore, which is under way, and what a restore forgets: the
// receipts of writes and the history. A state that is in doubt is not worth keeping and gives an error.
func (m *Machine) Backup() (Backup, error) {
	if err := m.Sound(); err != nil { // first: the state of a doubt that ends in between is the wrong one
		return Backup{}, err
	}
	p := *m.position.Load()
	p.hash.Leave(p.staging.Hash())
	p.hash.Leave(p.receipts.Hash())
	p.hash.Leave(p.history.Hash())
	p.staging, p.receipts, p.history = store.Staging{}, store.Receipts{}, store.History{}
	return Backup{position: &p, clusterID: m.clusterID()}, nil
}

// Index is the index of the state.
func (b Backup) Index() uint64 { return b.position.state.Index() }

// WriteTo writes the state as a stream that [Inspect] checks and [Writer.Restore] brings back. The same backup gives the same
// bytes every time.
func (b Backup) WriteTo(to io.Writer) (int64, error) {
	counted := &counter{to: to}
	buffered := bufio.NewWriterSize(counted, 64<<10)
	err := writeSnapshot(buffered, b.position, b.clusterID)
	if err == nil {
		err = buffered.Flush()
	}
	return counted.bytes, err
}

// counter counts what passes.
type counter struct {
	to    io.Writer
	bytes int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.bytes += int64(n)
	return n, err
}
