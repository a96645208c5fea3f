package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Handler answers a call of another node. It may run on many goroutines at once; the context ends when the caller
// gives up. An [ErrNotLeader] reaches the caller as such, any other error as its text.
type Handler func(ctx context.Context, request []byte) ([]byte, error)

var (
	// ErrNotLeader says that a call or an entry came to a node that does not lead. Nothing was done.
	ErrNotLeader = errors.New("this node does not lead")

	// ErrUnreachable says that a call never left, since no connection came about. Nothing was done.
	ErrUnreachable = errors.New("can't be reached")
)

const (
	peerPrefix = "/peer/v1/"

	headerPeerCluster = "Muster-Cluster" // that the caller belongs to
	headerPeerTo      = "Muster-To"      // the Raft id of the node that is meant, where the caller knows it

	// maxPeerMessage bounds a request or an answer between nodes: a batch of 512 instances of the largest size that
	// the API lets in takes less than half of it.
	maxPeerMessage = 4 << 20

	// maxPeerStreams is how many calls of one node may be under way at once over its one connection.
	maxPeerStreams = 4096
)

// peers carries the calls between nodes: HTTP/2 with prior knowledge over the peer port, one connection a pair,
// on which calls do not wait for one another.
type peers struct {
	raftID    string
	clusterID func() string
	handlers  map[string]Handler
	streams   map[string]StreamHandler
	server    *http.Server
	client    *http.Client

	mu        sync.Mutex
	closed    bool
	answering sync.WaitGroup // handlers at work; no new ones begin after closed
}

func newPeers(network Network, raftID string, clusterID func() string, log *slog.Logger) *peers {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	p := &peers{raftID: raftID, clusterID: clusterID, handlers: map[string]Handler{}, streams: map[string]StreamHandler{}}
	p.server = &http.Server{
		Handler:           p,
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxPeerStreams},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	p.client = &http.Client{Transport: &http.Transport{
		Protocols: protocols,
		// A peer that stopped answering is noticed by pings, so that calls do not queue on a dead connection.
		HTTP2:       &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 2 * time.Second, WriteByteTimeout: 5 * time.Second},
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return dialPeer(ctx, network, address) },
	}}
	return p
}

// dialTimeout is how long to wait for a connection to another node. The caller's context does not count while net/http
// connects, since another call may want the connection.
const dialTimeout = 3 * time.Second

func dialPeer(ctx context.Context, network Network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := network.Dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("node %s %w: %w", address, ErrUnreachable, err)
	}
	return conn, nil
}

// handle sets who answers the calls of a name. All handlers are set before serve.
func (p *peers) handle(name string, h Handler) { p.handlers[name] = h }

func (p *peers) serve(listener net.Listener) error {
	if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close answers what is being answered, as far as ctx and politeness allow, and closes all connections. No handler is at
// work afterwards. The server's own Shutdown would wait a second for each connection on which the other side could still
// send.
func (p *peers) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, goodbyeTimeout)
	defer cancel()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	answered := make(chan struct{})
	go func() { p.answering.Wait(); close(answered) }() // ends when the handlers do, whose contexts end with the connections
	select {
	case <-answered:
	case <-ctx.Done():
	}
	p.client.CloseIdleConnections()
	err := p.server.Close()
	<-answered
	return err
}

func (p *peers) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.answering.Add(1)
	}
	return !p.closed
}

// ServeHTTP answers one call: a POST whose path names the handler and whose body is the request.
func (p *peers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	theirs, ours := r.Header.Get(headerPeerCluster), p.clusterID()
	if theirs != "" && ours != "" && theirs != ours {
		http.Error(w, "this node belongs to cluster "+ours+", not to "+theirs, http.StatusForbidden)
		return
	}
	if meant := r.Header.Get(headerPeerTo); meant != "" && meant != p.raftID {
		http.Error(w, "this is node "+p.raftID+", not "+meant, http.StatusMisdirectedRequest) // as for [ErrNotLeader]: nothing was done
		return
	}
	name := strings.TrimPrefix(r.URL.Path, peerPrefix)
	h, ok := p.handlers[name]
	stream, streams := p.streams[name]
	if !ok && !streams || r.Method != http.MethodPost {
		http.Error(w, "no such call between nodes: "+r.Method+" "+r.URL.Path, http.StatusNotFound)
		return
	}
	if !p.begin() {
		http.Error(w, "this node is stopping", http.StatusMisdirectedRequest) // as for [ErrNotLeader]: nothing was done
		return
	}
	defer p.answering.Done()
	request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPeerMessage))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if streams {
		p.stream(w, r, stream, request)
		return
	}
	answer, err := h(r.Context(), request)
	switch {
	case errors.Is(err, ErrNotLeader):
		http.Error(w, err.Error(), http.StatusMisdirectedRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		_, _ = w.Write(answer) // the caller is gone where this fails
	}
}

// call asks the node at an address, and no other one that lives there now if the address names the node. After an error
// that is neither [ErrNotLeader] nor [ErrUnreachable] the other node may have done what it was asked.
func (p *peers) call(ctx context.Context, server, name string, request []byte) ([]byte, error) {
	response, err := p.ask(ctx, server, name, request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return answerOf(response, server)
}

// ask sends a request and returns the response, whose body the caller closes.
func (p *peers) ask(ctx context.Context, server, name string, request []byte) (*http.Response, error) {
	to := parseServer(server)
	address := to.Peer
	if len(request) > maxPeerMessage {
		return nil, fmt.Errorf("call node %s: the request has %d bytes and may have %d", address, len(request), maxPeerMessage)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+peerPrefix+name, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	if id := p.clusterID(); id != "" {
		r.Header.Set(headerPeerCluster, id)
	}
	if to.RaftID != "" {
		r.Header.Set(headerPeerTo, to.RaftID)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("call node %s: %w", address, err)
	}
	return response, nil
}

// answerOf reads a response to its end.
func answerOf(response *http.Response, server string) ([]byte, error) {
	address := parseServer(server).Peer
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxPeerMessage+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("call node %s: %w", address, err)
	case len(answer) > maxPeerMessage:
		return nil, fmt.Errorf("call node %s: the answer has more than the %d bytes that it may have", address, maxPeerMessage)
	case response.StatusCode == http.StatusMisdirectedRequest:
		return nil, ErrNotLeader
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("node %s answered %s: %s", address, response.Status, bytes.TrimSpace(answer))
	default:
		return answer, nil
	}
}
