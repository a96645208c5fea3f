package main

import (
	"github.com/spf13/pflag"

	"github.com/musterhq/muster/internal/api"
)

// query holds the flags that narrow down what a read shows.
type query struct {
	tags       []string
	zone       string
	metadata   pairs
	filter     string
	consistent bool
}

func (q *query) addTo(flags *pflag.FlagSet) {
	q.narrowBy(flags)
	flags.BoolVar(&q.consistent, "consistent", false, "ask the leader first, so that every acknowledged write shows")
}

// narrowBy adds only the flags that say which instances are shown.
func (q *query) narrowBy(flags *pflag.FlagSet) {
	flags.StringSliceVar(&q.tags, "tag", nil, "only instances with this tag; may be given many times, and all must fit")
	flags.StringVar(&q.zone, "zone", "", "only instances in this zone")
	flags.Var(q.metadata, "meta", "only instances with this metadata; may be given many times, and all must fit")
	flags.StringVar(&q.filter, "filter", "", `only instances that fit an expression, such as '"v2" in tags and zone != "eu-1a"'`)
}

func (q *query) read() api.Query {
	return api.Query{Tags: q.tags, Zone: q.zone, Metadata: q.metadata, Filter: q.filter, Linearizable: q.consistent}
}
