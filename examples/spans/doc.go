// Package spans writes the spans of a program as lines of JSON, for want of a collector: it is how the examples show that a
// trace goes through all of them. A program of your own would export to a collector instead, with one of the exporters that
// come with OpenTelemetry; that is a change of one line.
package spans
