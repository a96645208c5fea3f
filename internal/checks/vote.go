package checks

import (
	"strings"

	"github.com/musterhq/muster/health/probe"
)

// vote is what one node has to say of an instance that another gets no answer from.
type vote struct {
	Node    string        `json:"node"` // its name, for people
	Verdict probe.Verdict `json:"verdict"`
	Output  string        `json:"output,omitempty"`
	Doubts  bool          `json:"doubts,omitempty"` // the node takes silence for its own fault just now
}

// counts tells whether the vote says anything of the instance.
func (v vote) counts() bool { return v.Verdict != probe.Impossible }

// outcome is what the votes say together.
type outcome uint8

const (
	// undecided: there is nobody whose word counts.
	undecided outcome = iota

	// unreached: nobody gets a good answer.
	unreached

	// partly: some get a good answer and some get none, so it is the way that is broken.
	partly

	// reached: whoever gets a good answer is not contradicted by anybody who trusts himself.
	reached
)

// tally counts the votes of the node that asks and of those that it has asked; alone is a node that knows of no other.
//
// Whoever heard something has heard it, also where he doubts himself. Silence is the word of those who trust themselves. Where
// none of them votes, it counts if several nodes agree on it: then either the instances or the whole cluster is cut off, and
// the brake on silence is there for that. The silence of a single one that doubts itself says nothing, as long as there are
// others.
func tally(own vote, others []vote, alone bool) outcome {
	good, bad, doubtful := 0, 0, 0
	for _, v := range append([]vote{own}, others...) {
		switch {
		case !v.counts():
		case v.Verdict.Good():
			good++
		case v.Verdict == probe.Silent && v.Doubts:
			doubtful++
		default:
			bad++
		}
	}
	switch {
	case good > 0 && bad > 0:
		return partly
	case good > 0:
		return reached
	case bad > 0, doubtful > 1, doubtful > 0 && alone:
		return unreached
	default:
		return undecided
	}
}

// camps are the names of those who get a good answer and of those who don't.
func camps(votes []vote) (reach, miss []string) {
	for _, v := range votes {
		switch {
		case !v.counts():
		case v.Verdict.Good():
			reach = append(reach, v.Node)
		default:
			miss = append(miss, v.Node)
		}
	}
	return reach, miss
}

// list puts names in a row.
func list(names []string) string { return strings.Join(names, ", ") }
