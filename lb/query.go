package lb

// Query says what is particular about one call. The zero Query asks for nothing in particular.
type Query struct {
	Key   string // what rendezvous chooses by, such as a user's id: the same key goes to the same instance. Empty: any
	Tried *Tried // instances that are not chosen again; nil: none
	Zone  string // the zone to stay in while it can carry it; empty: that of [WithZone]

	Stream bool // it lasts for as long as its caller likes, which says nothing of the instance: its time is not measured
}
