package lb

import "time"

// strategy is a way to choose, and what it must know of the instances. What it need not know is not counted: a counter that
// all processors change costs more than a choice.
type strategy struct {
	name     string
	counts   bool // calls in flight
	totals   bool // calls in flight of the whole service
	measures bool // latency and success
	peak     bool // and a slow answer raises the latency at once
	decay    time.Duration
	choices  int
	picker   func(s *Service, nodes []*node) picker
}

// strategies has the default of the mesh first.
func strategies() []strategy {
	return []strategy{
		{name: "adaptive", counts: true, measures: true, decay: time.Second, choices: 5, picker: newAdaptive},
		{name: "round-robin", picker: newRoundRobin},
		{name: "random", picker: newRandom},
		{name: "weighted", picker: newWeighted},
		{name: "least-connections", counts: true, choices: 16, picker: newLeast},
		{name: "p2c", counts: true, choices: 2, picker: newLeast},
		{name: "peak-ewma", counts: true, measures: true, peak: true, decay: 10 * time.Second, choices: 2, picker: newPeakEWMA},
		{name: "rendezvous", counts: true, totals: true, picker: newRendezvous},
	}
}

// Strategies names the strategies there are, the default of the mesh first.
func Strategies() (names []string) {
	for _, s := range strategies() {
		names = append(names, s.name)
	}
	return names
}

func strategyNamed(name string) (strategy, error) {
	for _, s := range strategies() {
		if s.name == name {
			return s, nil
		}
	}
	return strategy{}, unknownStrategy(name)
}
