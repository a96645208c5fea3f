// Package checks holds the tests that have a cluster of real processes check real targets, which die, fall silent and
// change their minds, and that measure what the checks cost. Targets have networks of their own, to which ways can be cut.
package checks
