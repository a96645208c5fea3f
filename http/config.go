package http

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a [Server] is made of.
type Config struct {
	// Node answers what the requests ask. Required.
	Node Node

	// Logger gets internal errors and panics, and every request at debug level. Nil discards them.
	Logger *slog.Logger

	// Metrics is where the server's metrics are registered and what /metrics shows. Nil makes one of its own; with a
	// registry that already serves another Server, New fails.
	Metrics *prometheus.Registry
}

func (c Config) withDefaults() (Config, error) {
	if c.Node == nil {
		return c, errors.New("http: Config.Node is missing: there is nothing to answer from")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	return c, nil
}

// The limits of a request. They bound what one caller can cost, so they are the same for every node and not settings.
const (
	maxBody      = 64 << 10 // bytes of a body
	maxBatchBody = 1 << 20  // bytes of a batch
	maxHeader    = 16 << 10 // bytes of the headers; net/http adds 4 KiB of its own
	maxDepth     = 32       // of objects and lists within each other

	headerTimeout  = 5 * time.Second  // to send the headers
	requestTimeout = 15 * time.Second // to send headers and body
	idleTimeout    = 60 * time.Second // between two requests of a connection

	// writeTimeout is how long the log may take to decide a write: an election, which a write waits out, takes 7 s at
	// most. Beyond it nobody knows what became of the write.
	writeTimeout = 15 * time.Second

	// askTimeout is how long a question to other nodes may take: a confirmed read index, the state of the cluster.
	askTimeout = 10 * time.Second

	// answerTimeout is how long a caller may take to receive an answer that is ready. Handlers that wait before they
	// answer put the time of the wait on top; see answer.waits.
	answerTimeout = 15 * time.Second

	// farewell is how long a server that stops still takes requests, each of which it answers as the last one of its
	// connection. To close connections at once would meet requests that are already on their way, of which the caller could
	// not know whether they were carried out.
	farewell = 250 * time.Millisecond

	defaultWait = 5 * time.Second  // for min_index
	defaultPoll = 30 * time.Second // for something newer than index
	maxWait     = 10 * time.Minute // a longer wait is cut to this

	// horizonPause is how long to wait before the cluster is asked again how far its log goes.
	horizonPause = 250 * time.Millisecond

	// soundInterval is how often those who wait look whether the state was found to be wrong.
	soundInterval = 5 * time.Second

	// bookmarkInterval is how long a watch hears nothing at most. It comes a little sooner, and not to all at once.
	bookmarkInterval = 15 * time.Second

	// maxWatched is how many services one watch may name.
	maxWatched = 1000
)
