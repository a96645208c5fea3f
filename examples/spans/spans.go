package spans

import (
	"context"
	"encoding/json"
	"io"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Span is a line.
type Span struct {
	Service    string            `json:"service"` // that has written it
	Trace      string            `json:"trace"`
	ID         string            `json:"id"`
	Parent     string            `json:"parent,omitempty"`
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes"`
}

// To returns a provider whose spans are written to w as they end. Its Shutdown writes the last ones.
func To(w io.Writer, service string) *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(&lines{service, json.NewEncoder(w)}))
}

// lines is an exporter. Its methods are called one at a time.
type lines struct {
	service string
	out     *json.Encoder
}

func (l *lines) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		line := Span{
			Service: l.service, Trace: s.SpanContext().TraceID().String(), ID: s.SpanContext().SpanID().String(),
			Kind: s.SpanKind().String(), Name: s.Name(), Attributes: map[string]string{},
		}
		if s.Parent().IsValid() {
			line.Parent = s.Parent().SpanID().String()
		}
		for _, a := range s.Attributes() {
			line.Attributes[string(a.Key)] = text(a)
		}
		if err := l.out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func text(a attribute.KeyValue) string { return a.Value.String() }

func (l *lines) Shutdown(context.Context) error { return nil }
