package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	nethttp "net/http"
	"time"
)

// Server serves the API of one node.
type Server struct {
	api  *api
	http *nethttp.Server
}

// New makes a server that does not listen yet.
func New(c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	api, err := newAPI(c)
	if err != nil {
		return nil, err
	}
	return &Server{
		api: api,
		http: &nethttp.Server{
			Handler:           api,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       requestTimeout,
			// From the end of the headers: the body may take the rest of its own time before the answer begins.
			WriteTimeout:   requestTimeout + answerTimeout,
			IdleTimeout:    idleTimeout,
			MaxHeaderBytes: maxHeader,
			ErrorLog:       slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn),
			// net/http would answer OPTIONS * by itself, without a header of ours.
			DisableGeneralOptionsHandler: true,
		},
	}, nil
}

// Handler is the API without the connections, for a listener of the caller's own.
func (s *Server) Handler() nethttp.Handler { return s.api }

// Serve answers what comes in on l until [Server.Shutdown], and then returns nil. It closes l. It may be called for
// several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, nethttp.ErrServerClosed) {
		return fmt.Errorf("http: serving on %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown tells readyz and every read that waits for an index that the server stops, bids the connections farewell for a
// quarter of a second, stops listening, and returns when what is in flight has been answered. If that takes longer than ctx
// allows it cuts the connections off and returns an error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.api.closing.begin()
	select {
	case <-time.After(farewell):
	case <-ctx.Done():
	}
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("http: requests still in flight were cut off: %w", err), s.http.Close())
	}
	return nil
}
