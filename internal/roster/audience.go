package roster

import (
	"container/list"
	"time"
)

// audience is who watches one service, or all services.
type audience struct {
	here map[*Watch]struct{}
	gone map[string]*absence // by the name of the watch
}

// absence is what is remembered of the watches of one name and one service that broke off. One stands for all of them:
// where one has confirmed, the name has, and otherwise the last to break off is the last to be forgotten.
type absence struct {
	service, name string
	confirmed     uint64    // the highest index that any of them has
	at            time.Time // when the last one broke off
	place         *list.Element
}

// remember notes that a watch broke off. It keeps the watch's place, unless there is one for its name already.
func (r *Roster) remember(service string, w *Watch) {
	now := time.Now()
	gone := r.audience(service).gone
	a, ok := gone[w.name]
	if ok {
		r.places--
		r.absences.MoveToBack(a.place)
	} else {
		a = &absence{service: service, name: w.name}
		a.place = r.absences.PushBack(a)
		gone[w.name] = a
	}
	a.at = now
	a.confirmed = max(a.confirmed, w.confirmed)
}

// farewell frees the place of a watch whose owner acts on nothing any more that it was told, under its name.
func (r *Roster) farewell(service string, w *Watch) {
	r.places--
	if a, ok := r.audience(service).gone[w.name]; ok {
		r.drop(a)
	}
	r.tidy(service)
}

// forget frees the places of those that broke off long ago.
func (r *Roster) forget() {
	for front := r.absences.Front(); front != nil; front = r.absences.Front() {
		a := front.Value.(*absence)
		if time.Since(a.at) < Memory {
			return
		}
		r.drop(a)
		r.tidy(a.service)
	}
}

// drop frees the place of one that broke off.
func (r *Roster) drop(a *absence) {
	r.absences.Remove(a.place)
	r.places--
	delete(r.audiences[a.service].gone, a.name)
}

// tidy takes away an audience of nobody.
func (r *Roster) tidy(service string) {
	if a := r.audiences[service]; len(a.here)+len(a.gone) == 0 {
		delete(r.audiences, service)
	}
}
