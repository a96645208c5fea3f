package lb

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/breaker"
)

// settings are what the options set.
type settings struct {
	zone       string
	subset     int
	clientID   string
	slowStart  time.Duration
	aggression float64
	panicBelow float64
	ejection   *Ejection
	breaker    *breaker.Config
	classify   func(error) breaker.Outcome
	decay      time.Duration // 0: the strategy's
	choices    int           // 0: the strategy's
	idle       time.Duration
	onChange   func(Event)
}

// mostChoices is how many instances a strategy may compare: more take longer and do not help.
const mostChoices = 64

func newSettings(opts []Option) (settings, error) {
	s := settings{panicBelow: 0.5, idle: 5 * time.Minute, aggression: 1, classify: breaker.Classify}
	for _, o := range opts {
		o(&s)
	}
	if err := s.validate(); err != nil {
		return settings{}, err
	}
	if s.ejection != nil {
		e := s.ejection.withDefaults()
		s.ejection = &e
	}
	if s.breaker != nil && s.breaker.Classify != nil {
		s.classify = s.breaker.Classify
	}
	return s, nil
}

func (s *settings) validate() error {
	var errs []error
	note := func(wrong bool, setting, reason string, args ...any) {
		if wrong {
			errs = append(errs, invalid(setting, reason, args...))
		}
	}
	note(s.subset < 0, "WithSubset", "the size is %d: use 0 for no subset", s.subset)
	note(s.subset > 0 && s.clientID == "", "WithSubset", "the client has no id, so all clients would use the same subset")
	note(s.slowStart < 0, "WithSlowStart", "the window is %v: use 0 for no slow start", s.slowStart)
	note(!(s.aggression > 0), "WithSlowStart", "the aggression is %v: use 1 to grow evenly", s.aggression)
	note(!(s.panicBelow >= 0 && s.panicBelow <= 1), "WithPanicThreshold", "is %v: use a share from 0 to 1", s.panicBelow)
	note(s.decay < 0, "WithDecay", "is %v: use 0 for the strategy's own", s.decay)
	note(s.choices < 0 || s.choices > mostChoices, "WithChoices", "is %d: use 1 to %d, or 0 for the strategy's own", s.choices, mostChoices)
	note(s.idle <= 0, "WithIdle", "is %v: use a time", s.idle)
	if s.ejection != nil {
		errs = append(errs, s.ejection.validate())
	}
	if s.breaker != nil {
		if err := s.breaker.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%w: WithBreaker: %w", ErrInvalid, err))
		}
	}
	return errors.Join(errs...)
}

// adjust gives a strategy the settings that are its own.
func (s *settings) adjust(to strategy) strategy {
	to.decay = cmp.Or(s.decay, to.decay)
	if to.measures {
		to.choices = cmp.Or(s.choices, to.choices)
	}
	return to
}
