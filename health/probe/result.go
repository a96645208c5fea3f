package probe

// Verdict says what came of a question, as evidence for how the instance is.
type Verdict uint8

// The verdicts. The zero one counts for nothing, so that what was never asked is no evidence.
const (
	// Impossible: the question could not be put, for a reason that lies with this node: no file descriptors, an address
	// that is forbidden, an end of this process. It says nothing of the instance.
	Impossible Verdict = iota

	// Passed: the answer is the one that the check wants.
	Passed

	// Warned: the instance is well, and has too much to do to say more (429 of HTTP).
	Warned

	// Failed is strong evidence: something at the instance's address has refused, broken off, or given another answer than
	// the check wants.
	Failed

	// Silent is weak evidence: nothing was heard in time, or there was no way. The network may be at fault, or this node.
	Silent
)

// Good tells whether the verdict speaks for the instance.
func (v Verdict) Good() bool { return v == Passed || v == Warned }

// Bad tells whether the verdict speaks against the instance.
func (v Verdict) Bad() bool { return v == Failed || v == Silent }

// String is the word for the verdict.
func (v Verdict) String() string {
	switch v {
	case Passed:
		return "passed"
	case Warned:
		return "warned"
	case Failed:
		return "failed"
	case Silent:
		return "silent"
	default:
		return "impossible"
	}
}

// Result is what came of asking once.
type Result struct {
	Verdict Verdict
	Output  string // a short text for people, such as "200 OK" or "connection refused"; nothing in it is the instance's own words
}

func passed(output string) Result     { return Result{Passed, output} }
func warned(output string) Result     { return Result{Warned, output} }
func failed(output string) Result     { return Result{Failed, output} }
func silent(output string) Result     { return Result{Silent, output} }
func impossible(output string) Result { return Result{Impossible, output} }
