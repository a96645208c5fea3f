package registry

// Condition is how an instance looks from outside, in one word: whether it is there, whether it is out for maintenance, and
// otherwise its status. The numbers stand in the replicated state for ever.
type Condition uint8

// The conditions.
const (
	ConditionAbsent Condition = iota
	ConditionHealthy
	ConditionUnhealthy
	ConditionUnknown
	ConditionMaintenance // whatever its status is meanwhile

	Conditions // how many there are
)

// ConditionOf tells how an instance looks; nil is one that is not there.
func ConditionOf(i *Instance) Condition {
	switch {
	case i == nil:
		return ConditionAbsent
	case i.Maintenance.Enabled:
		return ConditionMaintenance
	case i.Status == Healthy:
		return ConditionHealthy
	case i.Status == Unhealthy:
		return ConditionUnhealthy
	default:
		return ConditionUnknown
	}
}

func (c Condition) String() string {
	return [Conditions]string{"absent", string(Healthy), string(Unhealthy), string(Unknown), "maintenance"}[c]
}
