package mesh

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/musterhq/muster/lb"
)

// ErrInvalid is matched by the errors of [New] about an option of this package.
var ErrInvalid = errors.New("invalid option of the mesh")

// settings are what options change.
type settings struct {
	strategy   string
	balancer   []lb.Option
	onChange   func(lb.Event)
	serviceOf  func(*url.URL) (string, bool)
	tryTimeout time.Duration
	retries    int
	budget     Budget
	hedging    *Hedging
	base       *http.Transport

	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
}

// What holds where no option says otherwise.
const (
	usualStrategy   = "adaptive"
	usualTryTimeout = 15 * time.Second
	usualRetries    = 3
)

func newSettings(opts []Option) settings {
	s := settings{serviceOf: serviceOf, tryTimeout: usualTryTimeout, retries: usualRetries}
	for _, o := range opts {
		o(&s)
	}
	s.strategy = cmp.Or(s.strategy, usualStrategy)
	if s.tracers == nil {
		s.tracers = otel.GetTracerProvider()
	}
	if s.meters == nil {
		s.meters = otel.GetMeterProvider()
	}
	if s.propagator == nil {
		s.propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	return s
}

// validate finds what no default can stand for. The strategy and the balancer's options are package lb's to judge.
func (s *settings) validate() error {
	h := s.hedging
	switch {
	case h == nil:
		return nil
	case h.After < 0 || h.Percentile < 0 || h.Percentile >= 1:
		return fmt.Errorf("%w: hedging after %v or percentile %v: a time and a share from 0 to below 1, please", ErrInvalid, h.After, h.Percentile)
	case h.After == 0 && h.Percentile == 0:
		return fmt.Errorf("%w: hedging needs a delay, a percentile or both", ErrInvalid)
	case h.Max < 0:
		return fmt.Errorf("%w: hedging with %d tries more: not fewer than 0", ErrInvalid, h.Max)
	}
	return nil
}
