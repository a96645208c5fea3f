package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A StreamHandler answers a call of another node with as many bytes as it takes. It may run on many goroutines at once; the
// context ends when the caller gives up. After an error the caller's reading fails, and does not just end.
type StreamHandler func(ctx context.Context, request []byte, to io.Writer) error

// streamStall is how long the receiver of a stream may take for the next part of it.
const streamStall = 10 * time.Second

// HandleStream sets who answers the calls of a name that other nodes send with [Member.Stream]. Only before Start.
func (m *Member) HandleStream(name string, h StreamHandler) { m.peers.streams[name] = h }

// Stream asks another node, given by its Raft id, for an answer of any length, which the caller reads and closes. Its errors
// are those of [Member.Call].
func (m *Member) Stream(ctx context.Context, raftID, name string, request []byte) (io.ReadCloser, error) {
	address, err := m.peerAddress(raftID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	response, err := m.peers.ask(ctx, address, name, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	_, err = answerOf(response, address)
	return nil, err
}

// stream answers one call with a stream.
func (p *peers) stream(w http.ResponseWriter, r *http.Request, h StreamHandler, request []byte) {
	to := &streamWriter{to: w, control: http.NewResponseController(w)}
	err := h(r.Context(), request, to)
	switch {
	case err == nil:
	case to.begun:
		panic(http.ErrAbortHandler) // the only way to tell somebody who has half of it
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// streamWriter gives up on a receiver that stopped reading.
type streamWriter struct {
	to      io.Writer
	control *http.ResponseController
	begun   bool
}

func (w *streamWriter) Write(b []byte) (int, error) {
	w.begun = true
	if err := w.control.SetWriteDeadline(time.Now().Add(streamStall)); err != nil {
		return 0, err
	}
	return w.to.Write(b)
}
