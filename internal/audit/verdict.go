package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/record"
)

// verdict is what a comparison found at one index.
type verdict struct {
	index  uint64
	mine   record.Hash
	voters int                      // in all, whether or not they answered
	held   map[record.Hash][]string // by which voters; this node is one of them if it has a vote
}

// wrong tells whether this node's state is: a majority of all voters agree on another. Two such majorities can't be, so of
// three voters only one can ever find itself wrong.
func (v verdict) wrong() bool { return len(v.right()) > 0 }

// right are the voters that agree against this node, if they are a majority.
func (v verdict) right() []string {
	for hash, ids := range v.held {
		if hash != v.mine && len(ids) > v.voters/2 {
			return slices.Sorted(slices.Values(ids))
		}
	}
	return nil
}

// disagreeing is how many voters hold another state.
func (v verdict) disagreeing() int {
	n := 0
	for hash, ids := range v.held {
		if hash != v.mine {
			n += len(ids)
		}
	}
	return n
}

// others says for people who holds which other state.
func (v verdict) others() string {
	var all []string
	for hash, ids := range v.held {
		if hash != v.mine {
			slices.Sort(ids)
			all = append(all, fmt.Sprintf("%s: %s", hash, strings.Join(ids, ", ")))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
