package lb

import (
	"math/rand/v2"
	"time"

	"github.com/cespare/xxhash/v2"
)

// rendezvous sends a key to the instance whose hash together with that of the key is the highest, so that a key moves only
// where its own instance goes away, or a new one is its best. An instance that has a quarter more calls in flight than the
// average passes keys on to their next best. Weights do not count. It looks at the hash of every instance.
type rendezvous struct {
	nodes  []*node
	hashes []uint64
	total  *padded // calls in flight of the service
}

func newRendezvous(s *Service, nodes []*node) picker {
	r := &rendezvous{nodes: nodes, hashes: make([]uint64, len(nodes)), total: &s.inFlight}
	for i, n := range nodes {
		r.hashes[i] = xxhash.Sum64String(n.id)
	}
	return r
}

// bound is how many more calls than the average an instance may have in flight.
const bound = 1.25

func (r *rendezvous) pick(key string, tried *Tried, _ time.Duration) *node {
	hash := rand.Uint64()
	if key != "" {
		hash = xxhash.Sum64String(key)
	}
	most := 1 + int64(bound*float64(r.total.n.Load())/float64(len(r.nodes)))
	var fallback *node
	for below, found := uint64(0), 0; found < len(r.nodes); found++ {
		i, score := r.best(hash, below)
		if i < 0 {
			break
		}
		below = score
		n := r.nodes[i]
		if tried != nil && tried.Has(n.id) {
			continue
		}
		if n.flights.inFlight() < most {
			return n
		}
		if fallback == nil {
			fallback = n
		}
	}
	return fallback
}

// best finds the place with the highest score below a limit, or with the highest of all where the limit is 0.
func (r *rendezvous) best(hash, below uint64) (place int, score uint64) {
	place = -1
	below-- // 0 becomes the highest number there is
	for i, h := range r.hashes {
		if s := mix(hash ^ h); s >= score && s <= below {
			place, score = i, s
		}
	}
	return place, score
}

// mix spreads each bit of x over all of the result.
func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xD6E8FEB86659FD93
	x ^= x >> 32
	x *= 0xD6E8FEB86659FD93
	return x ^ x>>32
}
