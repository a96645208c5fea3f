package record_test

import (
	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// anyInstance draws instances that no rule of the registry has tidied up: any text, any number, any bytes.
func anyInstance() *rapid.Generator[*registry.Instance] {
	return rapid.Custom(func(t *rapid.T) *registry.Instance {
		return &registry.Instance{
			Service:     text().Draw(t, "service"),
			ID:          text().Draw(t, "id"),
			Address:     text().Draw(t, "address"),
			Port:        rapid.Int().Draw(t, "port"),
			Zone:        text().Draw(t, "zone"),
			Weight:      rapid.Int().Draw(t, "weight"),
			Tags:        rapid.SliceOfN(text(), 0, 4).Draw(t, "tags"),
			Metadata:    pairs().Draw(t, "metadata"),
			Lease:       rapid.Ptr(anyLease(), true).Draw(t, "lease"),
			Checks:      rapid.SliceOfN(anyCheck(), 0, 3).Draw(t, "checks"),
			Status:      status().Draw(t, "status"),
			Reported:    registry.Report{Status: status().Draw(t, "reported"), Output: text().Draw(t, "output")},
			Maintenance: registry.Maintenance{Enabled: rapid.Bool().Draw(t, "maintenance"), Reason: text().Draw(t, "reason")},
			CreateIndex: rapid.Uint64().Draw(t, "create index"),
			ModifyIndex: rapid.Uint64().Draw(t, "modify index"),
			Incarnation: rapid.Uint64().Draw(t, "incarnation"),
		}
	})
}

func anyLease() *rapid.Generator[registry.Lease] {
	return rapid.Custom(func(t *rapid.T) registry.Lease {
		return registry.Lease{TTL: duration().Draw(t, "ttl"), DeregisterAfter: duration().Draw(t, "deregister after")}
	})
}

func anyCheck() *rapid.Generator[registry.Check] {
	return rapid.Custom(func(t *rapid.T) registry.Check {
		return registry.Check{
			Name:          text().Draw(t, "name"),
			Type:          rapid.Custom(func(t *rapid.T) registry.CheckType { return registry.CheckType(text().Draw(t, "")) }).Draw(t, "type"),
			Port:          rapid.Int().Draw(t, "port"),
			Interval:      duration().Draw(t, "interval"),
			Timeout:       duration().Draw(t, "timeout"),
			Rise:          rapid.Int().Draw(t, "rise"),
			Fall:          rapid.Int().Draw(t, "fall"),
			Path:          text().Draw(t, "path"),
			Method:        text().Draw(t, "method"),
			Headers:       pairs().Draw(t, "headers"),
			ExpectStatus:  rapid.Int().Draw(t, "expect status"),
			ExpectBody:    text().Draw(t, "expect body"),
			GRPCService:   text().Draw(t, "grpc service"),
			TLS:           rapid.Bool().Draw(t, "tls"),
			TLSSkipVerify: rapid.Bool().Draw(t, "tls skip verify"),
			Status:        status().Draw(t, "status"),
			Output:        text().Draw(t, "output"),
			Preserved:     rapid.Bool().Draw(t, "preserved"),
		}
	})
}

// text draws Unicode, plain bytes, and now and then nothing.
func text() *rapid.Generator[string] {
	bytes := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 200), func(b []byte) string { return string(b) })
	return rapid.OneOf(rapid.StringN(0, 8, -1), bytes)
}

func pairs() *rapid.Generator[map[string]string] { return rapid.MapOfN(text(), text(), 0, 6) }

func duration() *rapid.Generator[registry.Duration] {
	return rapid.Map(rapid.Int64(), func(n int64) registry.Duration { return registry.Duration(n) })
}

func status() *rapid.Generator[registry.Status] {
	return rapid.OneOf(
		rapid.SampledFrom([]registry.Status{"", registry.Healthy, registry.Unhealthy, registry.Unknown, registry.Warning}),
		rapid.Map(text(), func(s string) registry.Status { return registry.Status(s) }),
	)
}
