package lb

import (
	"time"

	"github.com/musterhq/muster/breaker"
)

// Option is a setting of a [Balancer].
type Option func(*settings)

// WithZone prefers instances of a zone. Calls stay in it while its share of the service's capacity is about what it would be
// if all zones had the same; the less it is, the more calls go elsewhere. A [Query] may name another zone.
func WithZone(zone string) Option { return func(s *settings) { s.zone = zone } }

// WithSubset makes this client use no more than size instances, for services so large that connections of every client to
// every instance are a burden. Which, is chosen by the client's id, so that clients differ, each keeps its choice, and a
// change of one instance changes one of the subset at most.
func WithSubset(size int, clientID string) Option {
	return func(s *settings) { s.subset, s.clientID = size, clientID }
}

// WithSlowStart gives an instance that is new, or healthy again, a growing part of its share: (t/window)^(1/aggression) of
// it at time t, and a tenth at least. An aggression of 1 grows evenly, a larger one faster in the beginning.
func WithSlowStart(window time.Duration, aggression float64) Option {
	return func(s *settings) { s.slowStart, s.aggression = window, aggression }
}

// WithPanicThreshold disregards ejections while less than that share of the healthy instances would be left: then it is more
// likely that the verdicts are wrong, or that the others would be the next to fall. The default is 0.5; 0 is never.
func WithPanicThreshold(share float64) Option { return func(s *settings) { s.panicBelow = share } }

// WithEjection leaves out instances for a while that do worse than others.
func WithEjection(e Ejection) Option { return func(s *settings) { s.ejection = &e } }

// WithBreaker guards each instance with a circuit breaker of its own. One that is open is not chosen, and one that is
// half-open is chosen first, for as many calls as it lets through.
func WithBreaker(c breaker.Config) Option { return func(s *settings) { s.breaker = &c } }

// WithDecay sets the time in which a moving average forgets two thirds of what it knew. The default is 1 s, for peak-ewma
// 10 s.
func WithDecay(d time.Duration) Option { return func(s *settings) { s.decay = d } }

// WithChoices sets how many instances adaptive and peak-ewma compare for each call. The default is 5, for peak-ewma 2.
func WithChoices(n int) Option { return func(s *settings) { s.choices = n } }

// WithIdle sets how long a service must not have been used before its watch ends; what is known of its instances is
// forgotten then, and the next use begins anew. The default is 5 min.
func WithIdle(d time.Duration) Option { return func(s *settings) { s.idle = d } }

// WithOnChange has a function called at each change in what the balancer does: one at a time, in order for each service,
// outside every lock, and never on the goroutine of a call. It should be quick.
func WithOnChange(f func(Event)) Option { return func(s *settings) { s.onChange = f } }
