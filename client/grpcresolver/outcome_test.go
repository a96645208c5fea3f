package grpcresolver

import (
	"math"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/lb"
)

func TestTheStatusOfACallJudgesTheInstance(t *testing.T) {
	for code, want := range map[codes.Code]lb.Verdict{
		codes.Canceled: lb.Neutral, codes.ResourceExhausted: lb.Rejected,
		codes.Unavailable: lb.Failure, codes.DeadlineExceeded: lb.Failure, codes.Internal: lb.Failure,
		codes.Unknown: lb.Failure, codes.DataLoss: lb.Failure, codes.Unimplemented: lb.Failure,
		codes.NotFound: lb.Success, codes.InvalidArgument: lb.Success, codes.AlreadyExists: lb.Success,
		codes.PermissionDenied: lb.Success, codes.Unauthenticated: lb.Success, codes.FailedPrecondition: lb.Success,
		codes.Aborted: lb.Success, codes.OutOfRange: lb.Success,
	} {
		info := balancer.DoneInfo{Err: status.Error(code, "as told"), BytesSent: true}
		if got := outcome(&info).Verdict; got != want {
			t.Errorf("%v: verdict %d, not %d", code, got, want)
		}
	}
	if got := outcome(&balancer.DoneInfo{BytesSent: true}).Verdict; got != lb.Success {
		t.Errorf("a call that went well: verdict %d", got)
	}
	if got := outcome(&balancer.DoneInfo{}).Verdict; got != lb.Neutral {
		t.Errorf("a call that was never sent: verdict %d", got)
	}
	busy := balancer.DoneInfo{Err: status.Error(codes.Unavailable, "busy"), Trailer: metadata.Pairs("grpc-retry-pushback-ms", "500")}
	if got := outcome(&busy).Verdict; got != lb.Rejected {
		t.Errorf("a server that pushes back: verdict %d", got)
	}
}

// double appends a field.
func double(message []byte, field protowire.Number, value float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(message, field, protowire.Fixed64Type), math.Float64bits(value))
}

// metric appends a metric with a name.
func metric(message []byte, name string, value float64) []byte {
	entry := double(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name), 2, value)
	return protowire.AppendBytes(protowire.AppendTag(message, 8, protowire.BytesType), entry)
}

func TestALoadReportIsRead(t *testing.T) {
	m := double(double(double(double(nil, 1, 0.5), 2, 0.25), 6, 120), 9, 0.75)
	m = protowire.AppendVarint(protowire.AppendTag(m, 3, protowire.VarintType), 7) // a field that is not read
	m = metric(metric(metric(m, "in_flight", 4), "latency", 0.02), "queue", 9)
	want := lb.Load{InFlight: 4, Latency: 20 * time.Millisecond, Utilization: 0.75, CPU: 0.5, Memory: 0.25, RPS: 120}
	if got, err := parseLoad(string(m)); err != nil || got != want {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
	for name, bad := range map[string]string{
		"cut":      string(m[:len(m)-1]),
		"negative": string(double(nil, 1, -1)),
		"none":     string(double(nil, 1, math.NaN())),
		"no proto": "\xff",
	} {
		if got, err := parseLoad(bad); err == nil || got != (lb.Load{}) {
			t.Errorf("%s: read %+v, %v", name, got, err)
		}
	}
}

func FuzzParseLoad(f *testing.F) {
	f.Add(string(metric(double(nil, 1, 0.5), "latency", math.MaxFloat64)))
	f.Add("\x42\x00")
	f.Fuzz(func(t *testing.T, report string) {
		l, err := parseLoad(report)
		if err != nil && l != (lb.Load{}) {
			t.Errorf("an error and %+v", l)
		}
		for _, n := range []float64{l.InFlight, l.Latency.Seconds(), l.Utilization, l.CPU, l.Memory, l.RPS} {
			if !(n >= 0) || math.IsInf(n, 0) {
				t.Errorf("%q reads as %+v", report, l)
			}
		}
	})
}
