package registry

import (
	"strings"
	"unicode/utf8"
)

// Cause is why the registry itself changed how an instance is, for people who ask afterwards.
type Cause struct {
	Evidence string   `json:"evidence,omitempty"` // what was seen, in words
	SeenBy   []string `json:"seen_by,omitempty"`  // the nodes that saw it, by their labels
}

// Rule is the kind of reason for which an instance came to look otherwise. The numbers stand in the replicated state for
// ever.
type Rule uint8

// The rules, one for each kind of operation.
const (
	RuleRegistered Rule = iota + 1
	RuleDeregistered
	RuleReported
	RuleMaintenance
	RuleLeaseExpired
	RuleLeaseRevived
	RuleLeaseReaped
	RuleCheckPassed
	RuleCheckFailed // on an answer that says so, or a refusal
	RuleCheckSilent // on nothing but silence

	Rules // the first number that is none
)

func (r Rule) String() string {
	return [Rules]string{"", "registered", "deregistered", "reported", "maintenance", "lease_expired", "lease_revived", "lease_reaped",
		"check_passed", "check_failed", "check_silent"}[r]
}

// MaxEvidenceBytes is how much of a cause's evidence is kept: an output says in its beginning what went wrong.
const MaxEvidenceBytes = 256

// Reason says by which rule an operation changes an instance and what it goes by. A report may be about a check. The evidence
// is somebody's own words, from within the operation, and is cut off at [MaxEvidenceBytes].
func Reason(op Operation) (rule Rule, check string, cause Cause) {
	switch op := op.(type) {
	case Register:
		rule = RuleRegistered
	case Deregister:
		rule = RuleDeregistered
	case ReportHealth:
		rule, check, cause.Evidence = RuleReported, op.Check, op.Report.Output
	case SetMaintenance:
		rule, cause.Evidence = RuleMaintenance, op.Maintenance.Reason
	case ExpireLease:
		rule, cause = RuleLeaseExpired, op.Cause
	case ReviveLease:
		rule, cause = RuleLeaseRevived, op.Cause
	case ReapInstance:
		rule, cause = RuleLeaseReaped, op.Cause
	case JudgeCheck:
		rule, check, cause = op.rule(), op.Check, op.Cause
	}
	cause.Evidence = beginning(cause.Evidence, MaxEvidenceBytes)
	return rule, check, cause
}

// beginning is as much of a text as fits into a number of bytes, in whole characters.
func beginning(text string, atMost int) string {
	if len(text) <= atMost {
		return text
	}
	end := atMost
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end]) // not to keep all of it in memory
}
