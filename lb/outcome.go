package lb

import (
	"github.com/musterhq/muster/breaker"
)

// Verdict is what the end of a call says about the instance.
type Verdict int8

// The verdicts.
const (
	Judged   Verdict = iota // what the error says, by the breaker's classifier: [breaker.Classify] unless told otherwise
	Success                 // it works
	Failure                 // it does not
	Rejected                // it works and has too much to do, such as 429 or 503 with Retry-After: less is sent there, and nothing held against it
	Neutral                 // nothing: the call was given up
)

// Outcome is how a call ended.
type Outcome struct {
	Err     error
	Verdict Verdict
	Load    Load // what the server said of itself; zero: nothing
}

// verdict settles what Judged stands for.
func (o *Outcome) verdict(classify func(error) breaker.Outcome) Verdict {
	if o.Verdict != Judged {
		return o.Verdict
	}
	if o.Err == nil {
		return Success
	}
	switch classify(o.Err) {
	case breaker.Success:
		return Success
	case breaker.Neutral:
		return Neutral
	case breaker.Failure:
	}
	return Failure
}

// breaker is the verdict for a circuit breaker.
func (v Verdict) breaker() breaker.Outcome {
	switch v {
	case Success:
		return breaker.Success
	case Failure:
		return breaker.Failure
	case Rejected, Neutral, Judged:
	}
	return breaker.Neutral
}
