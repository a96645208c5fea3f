package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// Outcome says what became of a write that failed.
type Outcome string

// The outcomes. A read has none.
const (
	NotApplied     Outcome = "not_applied" // nothing happened: it is safe to send it again
	OutcomeUnknown Outcome = "unknown"     // nobody can say: it may have been applied, or may still be
)

// Problem is how a call fails: the document on the wire (RFC 9457) and the error on either side of it.
//
// As an error it is the sentinel of its code, so errors.Is(err, registry.ErrServiceNotFound) tells a client what it
// would tell the node, and fault.IsUnknown(err) tells whether a write may have been applied.
type Problem struct {
	Type     string  `json:"type"` // always "about:blank": the code says it all
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Code     Code    `json:"code"`
	Detail   string  `json:"detail,omitempty"`
	Outcome  Outcome `json:"outcome,omitempty"`
	Position *int    `json:"position,omitempty"` // in a batch: the operation that failed all of them, counted from 0
}

// NewProblem makes a problem of a code and of what is to be said about this case.
func NewProblem(code Code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: code.Title(), Status: code.Status(), Code: code, Detail: detail}
}

// ProblemOf makes a problem of an error. A problem within err, as it comes from the leader by way of another node,
// stays what it is. The detail of an error of no known kind is left out, since it may tell more than a caller should
// learn; the node's log has it.
func ProblemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		passed := *p
		if op, ok := errors.AsType[*registry.OperationError](err); ok {
			passed.Position = &op.Position
		}
		return &passed
	}
	code := CodeOf(err)
	p := NewProblem(code, err.Error())
	if code == CodeInternal && !errors.Is(err, ErrInternal) {
		p.Detail = "something went wrong inside this node; its log says what"
	}
	if op, ok := errors.AsType[*registry.OperationError](err); ok {
		p.Position = &op.Position
	}
	return p
}

// WriteProblemOf makes a problem of the error of a write, with its outcome.
func WriteProblemOf(err error) *Problem {
	p := ProblemOf(err)
	p.Outcome = NotApplied
	if fault.IsUnknown(err) {
		p.Outcome = OutcomeUnknown
	}
	return p
}

// ReadProblem makes a problem of a failed answer. An answer that holds no problem document was not given by a node but
// by something in between, such as a proxy: it becomes a problem without a code, after which a write's outcome is unknown.
func ReadProblem(status int, body []byte) *Problem {
	p := new(Problem)
	if err := json.Unmarshal(body, p); err == nil && p.Code != "" {
		p.Status = status
		if p.Title == "" {
			p.Title = p.Code.Title()
		}
		return p
	}
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: excerpt(body), Outcome: OutcomeUnknown,
	}
}

// Error is the title and the detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Unwrap is the error that the code stands for, marked by [fault.Unknown] where the outcome is.
func (p *Problem) Unwrap() error {
	err := p.Code.Err()
	if p.Outcome != OutcomeUnknown {
		return err
	}
	if err == nil {
		err = errors.New(p.Title)
	}
	return fault.Unknown(err)
}

// excerpt is the beginning of a body that was not understood, enough to see who wrote it.
func excerpt(body []byte) string {
	const most = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
