package grpcresolver

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster/lb"
)

// pushback is the trailer by which a server says when, or that never, to try again: it is busy, not broken.
const pushback = "grpc-retry-pushback-ms"

// outcome is what the end of an attempt says about its instance.
func outcome(info *balancer.DoneInfo) lb.Outcome {
	o := lb.Outcome{Err: info.Err, Verdict: verdict(info)}
	if reports := info.Trailer[loadTrailer]; len(reports) > 0 {
		o.Load, _ = parseLoad(reports[len(reports)-1]) // a report that can't be read is none
	}
	return o
}

// verdict goes by the status. What says something about the request, such as NotFound, is a success of the instance.
// Unknown is what a handler's plain error becomes, and Unimplemented what another program at the address says.
func verdict(info *balancer.DoneInfo) lb.Verdict {
	if info.Err == nil {
		if !info.BytesSent {
			return lb.Neutral // the connection broke before anything was sent, and gRPC picks again
		}
		return lb.Success
	}
	switch status.Code(info.Err) {
	case codes.Canceled:
		return lb.Neutral
	case codes.ResourceExhausted:
		return lb.Rejected
	case codes.Unavailable:
		if pushedBack(info.Trailer) {
			return lb.Rejected
		}
		return lb.Failure
	case codes.DeadlineExceeded, codes.Internal, codes.Unknown, codes.DataLoss, codes.Unimplemented:
		return lb.Failure
	default:
		return lb.Success
	}
}

func pushedBack(trailer metadata.MD) bool { return len(trailer[pushback]) > 0 }
