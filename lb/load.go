package lb

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Load is what a server says of itself with an answer, as ORCA has it. The zero Load says nothing, and so does each zero.
type Load struct {
	InFlight    float64       // requests that it works on, the answered one included
	Latency     time.Duration // what a new request may expect
	Utilization float64       // of what is scarcest in the application; 1 is all there is, above is overload
	CPU         float64       // of the processors that it may use; above 1 is overload
	Memory      float64       // of its memory, from 0 to 1
	RPS         float64       // requests a second
}

// The format's name, before its fields, and those of its fields that are read. ORCA has no field of its own for requests in
// flight and latency: they are metrics with a name, the latency in seconds.
const (
	textFormat       = "TEXT"
	fieldInFlight    = "named_metrics.in_flight"
	fieldLatency     = "named_metrics.latency"
	fieldUtilization = "application_utilization"
	fieldCPU         = "cpu_utilization"
	fieldMemory      = "mem_utilization"
	fieldRPS         = "rps_fractional"
)

// LoadHeader is the header of an answer that a server's load stands in.
const LoadHeader = "endpoint-load-metrics"

// String is the load as ORCA's text for [LoadHeader], "TEXT cpu_utilization=0.3, named_metrics.in_flight=4"; empty where it
// says nothing.
func (l Load) String() string {
	var fields []string
	add := func(name string, value float64) {
		if value != 0 {
			fields = append(fields, name+"="+strconv.FormatFloat(value, 'g', -1, 64))
		}
	}
	add(fieldUtilization, l.Utilization)
	add(fieldCPU, l.CPU)
	add(fieldMemory, l.Memory)
	add(fieldRPS, l.RPS)
	add(fieldInFlight, l.InFlight)
	add(fieldLatency, l.Latency.Seconds())
	if len(fields) == 0 {
		return ""
	}
	return textFormat + " " + strings.Join(fields, ", ")
}

// ParseLoad reads ORCA's text. Fields that it does not know are left out, and so a report of any server can be read; ORCA's
// other formats, JSON and binary, are errors. So is a number that is negative or none.
func ParseLoad(header string) (Load, error) {
	format, text, _ := strings.Cut(strings.TrimSpace(header), " ")
	if format == "" {
		return Load{}, nil
	}
	if format != textFormat {
		return Load{}, fmt.Errorf("%w: load report in the format %q: only %s is read", ErrInvalid, format, textFormat)
	}
	var l Load
	for field := range strings.SplitSeq(text, ",") {
		name, number, found := strings.Cut(strings.TrimSpace(field), "=")
		if !found {
			name, number, found = strings.Cut(strings.TrimSpace(field), ":") // as Envoy's first version had it
		}
		if !found {
			return Load{}, fmt.Errorf("%w: load report: %q is not of the form name=number", ErrInvalid, field)
		}
		if err := l.set(strings.TrimSpace(name), strings.TrimSpace(number)); err != nil {
			return Load{}, err
		}
	}
	return l, nil
}

func (l *Load) set(name, number string) error {
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
		return fmt.Errorf("%w: load report: %s is %q: it must be a number, and not negative", ErrInvalid, name, number)
	}
	switch name {
	case fieldInFlight:
		l.InFlight = value
	case fieldLatency:
		l.Latency = time.Duration(min(value, longestLatency.Seconds()) * float64(time.Second))
	case fieldUtilization:
		l.Utilization = value
	case fieldCPU:
		l.CPU = value
	case fieldMemory:
		l.Memory = value
	case fieldRPS:
		l.RPS = value
	}
	return nil
}

// longestLatency is what a longer one counts as.
const longestLatency = time.Hour
