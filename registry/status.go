package registry

import "cmp"

// Status says how an instance or a check is. The empty Status means that nothing was reported.
type Status string

// The statuses, as they stand in JSON.
const (
	Healthy   Status = "healthy"
	Unhealthy Status = "unhealthy"
	Unknown   Status = "unknown"

	// Warning is for checks only; it counts as healthy for the instance.
	Warning Status = "warning"
)

// status works out how the instance is: the worst of what was reported for itself, of its lease and of its checks, unhealthy
// before unknown before healthy. A check that nobody has reported yet is unknown; an instance of which nothing is asked is
// healthy.
func (i *Instance) status() Status {
	worst := cmp.Or(i.Reported.Status, Healthy)
	if i.Expired {
		worst = Unhealthy
	}
	for _, c := range i.Checks {
		worst = worse(worst, cmp.Or(c.Status, Unknown))
	}
	return worst
}

// worse returns the worse of two; where the checks have only a warning to give, the instance stays healthy.
func worse(a, b Status) Status {
	if severity(b) > severity(a) {
		return b
	}
	return a
}

func severity(s Status) int {
	switch s {
	case Unhealthy:
		return 2
	case Unknown:
		return 1
	default: // Healthy, Warning
		return 0
	}
}
