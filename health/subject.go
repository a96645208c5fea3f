package health

import (
	"iter"

	"github.com/musterhq/muster/registry"
)

// subject is an instance that has checks.
type subject struct {
	instance *registry.Instance // as the state has it
	mine     bool               // this node asks it
	rounds   []*round           // none where it does not
}

// Applied takes in what entries of the log have changed. It must hear of every change in order.
func (r *Rounds) Applied(changes iter.Seq[registry.Change]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range changes {
		if c.New != nil {
			r.put(c.New)
		} else {
			r.forget(c.Old)
		}
	}
}

// Replaced takes in a state that is another one altogether. What it shares with the last one goes on.
func (r *Rounds) Replaced(state *registry.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, s := range r.subjects {
		if _, err := state.Instance(k.service, k.id); err != nil {
			r.forget(s.instance)
		}
	}
	for service := range state.Services() {
		for i := range service.Instances() {
			r.put(i)
		}
	}
}

// Reshare asks Share anew about every instance. What this node asks from now on begins with what the state shows, and waits
// for its phase unless nobody has reported it yet.
func (r *Rounds) Reshare() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.subjects {
		if mine := r.isMine(s.instance); mine != s.mine {
			s.mine = mine
			r.renew(s)
		}
	}
}

func (r *Rounds) isMine(i *registry.Instance) bool {
	return r.config.Share == nil || r.config.Share(i.Service, i.ID)
}

// put takes an instance as it stands now.
func (r *Rounds) put(i *registry.Instance) {
	k := key{i.Service, i.ID}
	if len(i.Checks) == 0 && r.config.Default == nil {
		r.forget(i)
		return
	}
	s := r.subjects[k]
	if s == nil {
		s = &subject{mine: r.isMine(i)}
		r.subjects[k] = s
	}
	before := s.instance
	s.instance = i
	if before == nil || before.Incarnation != i.Incarnation {
		r.renew(s)
	}
	if before != nil {
		s.learn(before)
	}
}

func (r *Rounds) forget(i *registry.Instance) {
	k := key{i.Service, i.ID}
	s := r.subjects[k]
	if s == nil {
		return
	}
	delete(r.subjects, k)
	for _, of := range s.rounds {
		r.drop(of)
	}
}

// renew makes the rounds those of the checks that the instance has now. One whose question is the same as before goes on.
func (r *Rounds) renew(s *subject) {
	before := s.rounds
	s.rounds = nil
	if s.mine {
		for _, c := range r.checks(s.instance) {
			s.rounds = append(s.rounds, r.round(s, c, before))
		}
	}
	kept := make(map[*round]bool, len(s.rounds))
	for _, of := range s.rounds {
		kept[of] = true
	}
	for _, of := range before {
		if !kept[of] {
			r.drop(of)
		}
	}
}

// checks are those that an instance is asked.
func (r *Rounds) checks(i *registry.Instance) []registry.Check {
	if len(i.Checks) == 0 && r.config.Default != nil {
		return []registry.Check{*r.config.Default}
	}
	return i.Checks
}

// round finds the round of a check among those there are, or begins one.
func (r *Rounds) round(s *subject, c registry.Check, among []*round) *round {
	for _, of := range among {
		if of.asks(s.instance, c) {
			return of
		}
	}
	of := newRound(s, c)
	r.rounds++
	if of.streak.Judgement() == registry.Unknown || another(c.Name, among) {
		of.fresh = true
		r.fresh = append(r.fresh, of)
		r.rouse(r.freshAt)
	}
	r.plan(of, of.nextPhase(r.now()))
	return of
}

// another tells whether a check asks another question than before, of which nothing is known.
func another(name string, before []*round) bool {
	for _, of := range before {
		if of.target.Check.Name == name {
			return true
		}
	}
	return false
}

// drop has a round be asked no more.
func (r *Rounds) drop(of *round) {
	of.gone = true
	r.schedule.take(of)
	r.rounds--
}

// learn has the rounds begin anew with what the state shows where it knows nothing any more, but did before; or where it
// knows something by now, and the rounds do not.
func (s *subject) learn(before *registry.Instance) {
	for _, of := range s.rounds {
		c := of.target.Check
		was, is := checkOf(before, c.Name).Status, checkOf(s.instance, c.Name).Status
		forgotten := was != registry.Unknown && is == registry.Unknown
		if forgotten || of.streak.Judgement() == registry.Unknown {
			of.streak = NewStreak(c.Rise, c.Fall, is)
		}
	}
}
