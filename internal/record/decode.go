package record

import (
	"fmt"

	"github.com/musterhq/muster/registry"
)

// Decode reads an instance from the bytes that [Append] wrote. Nothing in the result points into b.
//
// Bytes that are not an instance give an [ErrDamaged] that says where they go wrong; they never make it panic, or take
// more memory than their own length accounts for. Fields that it doesn't know are skipped. It checks the form only: whether
// the instance obeys the registry's rules is not its business.
func Decode(b []byte) (*registry.Instance, error) {
	i := new(registry.Instance)
	if err := decodeInstance(wholeRecord(b), i); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return i, nil
}

func decodeInstance(m message, i *registry.Instance) error {
	return m.each(func(f field) error {
		switch f.num {
		case instanceService:
			return decodeText(f, "service", &i.Service)
		case instanceID:
			return decodeText(f, "id", &i.ID)
		case instanceAddress:
			return decodeText(f, "address", &i.Address)
		case instancePort:
			return decodeNumber(f, "port", &i.Port)
		case instanceZone:
			return decodeText(f, "zone", &i.Zone)
		case instanceWeight:
			return decodeNumber(f, "weight", &i.Weight)
		case instanceTag:
			var tag string
			err := decodeText(f, "tags", &tag)
			i.Tags = append(i.Tags, tag)
			return err
		case instanceMetadata:
			return decodePair(f, "metadata", &i.Metadata)
		case instanceLease:
			i.Lease = new(registry.Lease)
			return f.message("lease", func(m message) error { return decodeLease(m, i.Lease) })
		case instanceCheck:
			i.Checks = append(i.Checks, registry.Check{})
			return f.message("checks", func(m message) error { return decodeCheck(m, &i.Checks[len(i.Checks)-1]) })
		case instanceStatus:
			return decodeText(f, "status", &i.Status)
		case instanceReported:
			i.Reported = registry.Report{}
			return f.message("reported", func(m message) error { return decodeReport(m, &i.Reported) })
		case instanceMaintenance:
			i.Maintenance = registry.Maintenance{}
			return f.message("maintenance", func(m message) error { return decodeMaintenance(m, &i.Maintenance) })
		case instanceCreateIndex:
			return decodeNumber(f, "create_index", &i.CreateIndex)
		case instanceModifyIndex:
			return decodeNumber(f, "modify_index", &i.ModifyIndex)
		case instanceIncarnation:
			return decodeNumber(f, "incarnation", &i.Incarnation)
		case instanceExpired:
			return f.bool("expired", &i.Expired)
		case instanceLeaseIndex:
			return decodeNumber(f, "lease_index", &i.LeaseIndex)
		}
		return nil
	})
}

func decodeLease(m message, l *registry.Lease) error {
	return m.each(func(f field) error {
		switch f.num {
		case leaseTTL:
			return decodeNumber(f, "ttl", &l.TTL)
		case leaseDeregisterAfter:
			return decodeNumber(f, "deregister_after", &l.DeregisterAfter)
		}
		return nil
	})
}

func decodeCheck(m message, c *registry.Check) error {
	return m.each(func(f field) error {
		switch f.num {
		case checkName:
			return decodeText(f, "name", &c.Name)
		case checkType:
			return decodeText(f, "type", &c.Type)
		case checkPort:
			return decodeNumber(f, "port", &c.Port)
		case checkInterval:
			return decodeNumber(f, "interval", &c.Interval)
		case checkTimeout:
			return decodeNumber(f, "timeout", &c.Timeout)
		case checkRise:
			return decodeNumber(f, "rise", &c.Rise)
		case checkFall:
			return decodeNumber(f, "fall", &c.Fall)
		case checkPath:
			return decodeText(f, "path", &c.Path)
		case checkMethod:
			return decodeText(f, "method", &c.Method)
		case checkHeader:
			return decodePair(f, "headers", &c.Headers)
		case checkExpectStatus:
			return decodeNumber(f, "expect_status", &c.ExpectStatus)
		case checkExpectBody:
			return decodeText(f, "expect_body", &c.ExpectBody)
		case checkGRPCService:
			return decodeText(f, "grpc_service", &c.GRPCService)
		case checkTLS:
			return f.bool("tls", &c.TLS)
		case checkTLSSkipVerify:
			return f.bool("tls_skip_verify", &c.TLSSkipVerify)
		case checkStatus:
			return decodeText(f, "status", &c.Status)
		case checkOutput:
			return decodeText(f, "output", &c.Output)
		case checkPreserved:
			return f.bool("preserved", &c.Preserved)
		}
		return nil
	})
}

func decodeReport(m message, r *registry.Report) error {
	return m.each(func(f field) error {
		switch f.num {
		case reportStatus:
			return decodeText(f, "status", &r.Status)
		case reportOutput:
			return decodeText(f, "output", &r.Output)
		}
		return nil
	})
}

func decodeMaintenance(m message, mt *registry.Maintenance) error {
	return m.each(func(f field) error {
		switch f.num {
		case maintenanceEnabled:
			return f.bool("enabled", &mt.Enabled)
		case maintenanceReason:
			return decodeText(f, "reason", &mt.Reason)
		}
		return nil
	})
}

func decodeCause(m message, c *registry.Cause) error {
	return m.each(func(f field) error {
		switch f.num {
		case causeEvidence:
			return decodeText(f, "evidence", &c.Evidence)
		case causeSeenBy:
			var node string
			err := decodeText(f, "seen_by", &node)
			c.SeenBy = append(c.SeenBy, node)
			return err
		}
		return nil
	})
}

// decodePair adds one pair to a map, which is made for the first of them.
func decodePair(f field, name string, pairs *map[string]string) error {
	var key, value string
	err := f.message(name, func(m message) error {
		return m.each(func(f field) error {
			switch f.num {
			case pairKey:
				return decodeText(f, "key", &key)
			case pairValue:
				return decodeText(f, "value", &value)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if *pairs == nil {
		*pairs = make(map[string]string)
	}
	(*pairs)[key] = value
	return nil
}
