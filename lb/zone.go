package lb

import "math"

// overload is how much more than the average an instance of the home zone may have to do before calls leave the zone.
const overload = 1.4

// stayHome is the share of calls, of 2^32, that stay in a zone with so much of the capacity of all zones. It is supposed that
// the calls come from each zone alike. So a zone with less than its part of the capacity would have more to do for each
// instance than the others: up to overload times as much is worth the shorter way, and the rest goes elsewhere.
func stayHome(home, all float64, zones int) uint32 {
	part := home / all * float64(zones) * overload
	if part >= 1 {
		return math.MaxUint32
	}
	return uint32(part * math.MaxUint32)
}

// viewFrom divides those that may be chosen into the zone and the rest. A zone that nobody is in has no preference.
func (s *Service) viewFrom(zone string, candidates []*node) *view {
	var near, far []*node
	var home, all float64
	zones := map[string]struct{}{}
	for _, n := range candidates {
		in := n.instance.Load().Zone
		zones[in] = struct{}{}
		weight := n.shareNow()
		all += weight
		if in == zone {
			near = append(near, n)
			home += weight
		} else {
			far = append(far, n)
		}
	}
	if len(near) == 0 || len(far) == 0 {
		return s.viewOfAll(candidates)
	}
	return &view{near: s.newPool(near), far: s.newPool(far), stay: stayHome(home, all, len(zones))}
}

// viewOfAll is the view of who has no zone, or is alone in his.
func (s *Service) viewOfAll(candidates []*node) *view {
	p := s.newPool(candidates)
	return &view{near: p, only: p.picker}
}
