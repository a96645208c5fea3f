package grpcresolver

import (
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/lb"
)

// loadTrailer is the trailer of ORCA's load reports: an OrcaLoadReport of xds.data.orca.v3 as protobuf. gRPC's package orca
// would read it too, at the price of all of xDS's messages; here are the few fields that are used.
const loadTrailer = "endpoint-load-metrics-bin"

const (
	fieldCPU         = 1 // double
	fieldMemory      = 2 // double
	fieldRPS         = 6 // double
	fieldNamed       = 8 // map<string, double>
	fieldUtilization = 9 // double

	fieldKey   = 1 // of an entry of the map
	fieldValue = 2
)

// The metrics with a name that [lb.Load] has a place for, as [lb.Load.String] writes them.
const (
	metricInFlight = "in_flight"
	metricLatency  = "latency" // seconds
)

var errReport = errors.New("not an ORCA load report")

// parseLoad reads a report. Fields that it does not know are left out.
func parseLoad(report string) (lb.Load, error) {
	var l lb.Load
	err := fields([]byte(report), func(field protowire.Number, number float64, text []byte) error {
		switch field {
		case fieldCPU:
			l.CPU = number
		case fieldMemory:
			l.Memory = number
		case fieldRPS:
			l.RPS = number
		case fieldUtilization:
			l.Utilization = number
		case fieldNamed:
			return named(&l, text)
		}
		return nil
	})
	if err != nil {
		return lb.Load{}, err
	}
	return l, nil
}

// named reads an entry of the map of metrics.
func named(l *lb.Load, entry []byte) error {
	var name string
	var value float64
	err := fields(entry, func(field protowire.Number, number float64, text []byte) error {
		switch field {
		case fieldKey:
			name = string(text)
		case fieldValue:
			value = number
		}
		return nil
	})
	switch name {
	case metricInFlight:
		l.InFlight = value
	case metricLatency:
		l.Latency = time.Duration(min(value, time.Hour.Seconds()) * float64(time.Second))
	}
	return err
}

// fields goes through a message's doubles and texts. A number that is negative or none spoils the report.
func fields(message []byte, each func(field protowire.Number, number float64, text []byte) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errReport
		}
		message = message[n:]
		var number float64
		var text []byte
		switch kind {
		case protowire.Fixed64Type:
			var bits uint64
			bits, n = protowire.ConsumeFixed64(message)
			number = math.Float64frombits(bits)
		case protowire.BytesType:
			text, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 || math.IsNaN(number) || math.IsInf(number, 0) || number < 0 {
			return errReport
		}
		if err := each(field, number, text); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}
