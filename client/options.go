package client

import (
	"time"

	"github.com/musterhq/muster/internal/api"
)

// ReadOption narrows a [Client.DiscoverWith], or says how new its answer must be.
type ReadOption func(*api.Query)

// Linearizable asks for an answer that shows every write that was acknowledged before, whoever made it. It costs a round to
// the leader, and needs a majority.
func Linearizable() ReadOption { return func(q *api.Query) { q.Linearizable = true } }

// MaxStale asks for an answer of a node that can vouch for its state of at most so long ago.
func MaxStale(age time.Duration) ReadOption { return func(q *api.Query) { q.MaxStale = age } }

// Tag asks for instances with a tag; several are all asked for.
func Tag(tag string) ReadOption { return func(q *api.Query) { q.Tags = append(q.Tags, tag) } }

// Zone asks for instances in a zone.
func Zone(zone string) ReadOption { return func(q *api.Query) { q.Zone = zone } }

// Metadata asks for instances that say so of themselves; several pairs are all asked for.
func Metadata(key, value string) ReadOption {
	return func(q *api.Query) {
		if q.Metadata == nil {
			q.Metadata = map[string]string{}
		}
		q.Metadata[key] = value
	}
}

// Filter asks for instances that an expression over their fields fits, as docs/api.md has it.
func Filter(expression string) ReadOption { return func(q *api.Query) { q.Filter = expression } }

// Any asks for instances of every status, those in maintenance included. None of them being there is no error then.
func Any() ReadOption { return func(q *api.Query) { q.Status = api.StatusAny } }
