package heartbeats

import "github.com/musterhq/muster/internal/wire"

// verdict is what the leader says to one heartbeat. It stands in messages between nodes as its number.
type verdict byte

const (
	// again: nothing is decided yet, since the log has still to say what becomes of the lease. The heartbeat is to be sent
	// once more.
	again verdict = iota

	// renewed: the instance is registered, and its lease, if it has one, has its full time.
	renewed

	// differs: as renewed, but the registry holds another document than that of the heartbeat's digest.
	differs

	// missing: no such instance is registered.
	missing
)

// renewalOf is the answer to heartbeats with these verdicts.
func renewalOf(beats []wire.Heartbeat, verdicts []verdict) wire.Renewal {
	r := wire.Renewal{Missing: []wire.InstanceName{}, Differs: []wire.InstanceName{}}
	for n, v := range verdicts {
		name := wire.InstanceName{Service: beats[n].Service, ID: beats[n].ID}
		switch v {
		case missing:
			r.Missing = append(r.Missing, name)
		case differs:
			r.Differs = append(r.Differs, name)
			r.Renewed++
		case renewed:
			r.Renewed++
		case again: // the collector hands out none of these: nobody may take it for a renewal
			panic("a heartbeat was answered before it was decided")
		}
	}
	return r
}
