package registry

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Report is what somebody said of the health of an instance or of one of its checks.
// The zero Report means that nobody has said anything yet.
type Report struct {
	Status Status `json:"status,omitempty" bexpr:"status"`
	Output string `json:"output,omitempty" bexpr:"output"`
}

// Normalize cuts the output off at [MaxOutputBytes] and makes it valid UTF-8: that a check had much or strange things to
// say must not get its verdict lost.
func (r Report) Normalize() Report {
	r.Output = strings.ToValidUTF8(r.Output, string(utf8.RuneError))
	r.Output = beginning(r.Output, MaxOutputBytes)
	return r
}

// ReportHealth says how an instance is, or how one of its checks came out.
//
// Report must have gone through [Report.Normalize]. A report that changes nothing but the output is stored, but it is
// not a real change: it moves no index and wakes no watcher.
type ReportHealth struct {
	Service, ID string
	Check       string // the name of the check; empty for the instance itself
	Report      Report
}

// Target names the instance that the report is about.
func (r ReportHealth) Target() (service, id string) { return r.Service, r.ID }

// Validate tells whether the report names an instance and says one of the statuses; [Warning] is for checks only.
func (r ReportHealth) Validate() error {
	return cmp.Or(
		validateName("service", r.Service),
		validateName("id", r.ID),
		r.validateStatus(),
		r.validateOutput(),
	)
}

func (r ReportHealth) validateStatus() error {
	switch r.Report.Status {
	case Healthy, Unhealthy, Unknown:
		return nil
	case Warning:
		if r.Check != "" {
			return nil
		}
		return invalid("status", "%q is for checks only; an instance is %q, %q or %q", Warning, Healthy, Unhealthy, Unknown)
	default:
		return invalid("status", "must be %q, %q or %q, or %q for a check, not %q",
			Healthy, Unhealthy, Unknown, Warning, r.Report.Status)
	}
}

func (r ReportHealth) validateOutput() error {
	if n := len(r.Report.Output); n > MaxOutputBytes {
		return tooLong("output", n, MaxOutputBytes)
	}
	if !utf8.ValidString(r.Report.Output) {
		return invalid("output", "is not valid UTF-8")
	}
	return nil
}

func (r ReportHealth) next(cur *Instance, index uint64) (*Instance, error) {
	if cur == nil {
		return nil, instanceNotFound(r.Service, r.ID)
	}
	if r.Check != "" {
		n := cur.check(r.Check)
		if n < 0 {
			return nil, checkNotFound(r.Service, r.ID, r.Check)
		}
		return cur.withResult(n, r.Report, false, index), nil
	}
	if r.Report == cur.Reported {
		return cur, nil
	}
	i := *cur
	i.Reported = r.Report
	if r.Report.Status != cur.Reported.Status {
		i.ModifyIndex = index
		i.Status = i.status()
	}
	return &i, nil
}

// check returns the position of the check with the name, or -1.
func (i *Instance) check(name string) int {
	return slices.IndexFunc(i.Checks, func(c Check) bool { return c.Name == name })
}
