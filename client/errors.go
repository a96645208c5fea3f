package client

import (
	"errors"

	"github.com/musterhq/muster/internal/api"
)

// The errors of the client itself. Those of the registry are in package registry, and work with [errors.Is] as they do there.
var (
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("client: closed")

	// ErrLost says, in a watch, that no node answers and that what was yielded may be old. The watch goes on.
	ErrLost = errors.New("client: the registry is lost")

	// ErrNewHistory says, in a watch, that the registry's history is not the one that was watched: it was restored from the
	// time before, or is another cluster. What comes next may be older than what was yielded.
	ErrNewHistory = errors.New("client: the registry has begun a new history")

	// ErrTooMany says that the client watches as many services as one stream can carry.
	ErrTooMany = errors.New("client: too many services are watched")

	// ErrOtherCluster says that the nodes that answer belong to another cluster than those that did before. Where they are all
	// that answers for some seconds, the client takes the new cluster for its own.
	ErrOtherCluster = api.ErrOtherCluster
)
