package record

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/registry"
)

// Append appends the canonical bytes of i to b and returns the result. Two instances give the same bytes exactly when they
// are equal, a nil and an empty list or map being the same. It only reads i.
func Append(b []byte, i *registry.Instance) []byte {
	b = appendDocument(b, i, appendCheck)
	b = appendText(b, instanceStatus, i.Status)
	if i.Reported != (registry.Report{}) {
		b = appendMessage(b, instanceReported, func(b []byte) []byte { return appendReport(b, i.Reported) })
	}
	if i.Maintenance != (registry.Maintenance{}) {
		b = appendMessage(b, instanceMaintenance, func(b []byte) []byte { return appendMaintenance(b, i.Maintenance) })
	}
	b = appendNumber(b, instanceCreateIndex, i.CreateIndex)
	b = appendNumber(b, instanceModifyIndex, i.ModifyIndex)
	b = appendNumber(b, instanceIncarnation, i.Incarnation)
	b = appendBool(b, instanceExpired, i.Expired)
	return appendNumber(b, instanceLeaseIndex, i.LeaseIndex)
}

// appendDocument appends what the client says of its instance. How much of a check that is, is up to check.
func appendDocument(b []byte, i *registry.Instance, check func([]byte, *registry.Check) []byte) []byte {
	b = appendText(b, instanceService, i.Service)
	b = appendText(b, instanceID, i.ID)
	b = appendText(b, instanceAddress, i.Address)
	b = appendNumber(b, instancePort, i.Port)
	b = appendText(b, instanceZone, i.Zone)
	b = appendNumber(b, instanceWeight, i.Weight)
	for _, tag := range i.Tags {
		b = protowire.AppendTag(b, instanceTag, protowire.BytesType)
		b = protowire.AppendString(b, tag)
	}
	b = appendPairs(b, instanceMetadata, i.Metadata)
	if i.Lease != nil {
		b = appendMessage(b, instanceLease, func(b []byte) []byte { return appendLease(b, i.Lease) })
	}
	for n := range i.Checks {
		b = appendMessage(b, instanceCheck, func(b []byte) []byte { return check(b, &i.Checks[n]) })
	}
	return b
}

func appendLease(b []byte, l *registry.Lease) []byte {
	b = appendNumber(b, leaseTTL, l.TTL)
	return appendNumber(b, leaseDeregisterAfter, l.DeregisterAfter)
}

func appendCheck(b []byte, c *registry.Check) []byte {
	b = appendCheckDefinition(b, c)
	b = appendText(b, checkStatus, c.Status)
	return appendText(b, checkOutput, c.Output)
}

// appendCheckDefinition appends the question that c asks, without the answer.
func appendCheckDefinition(b []byte, c *registry.Check) []byte {
	b = appendText(b, checkName, c.Name)
	b = appendText(b, checkType, c.Type)
	b = appendNumber(b, checkPort, c.Port)
	b = appendNumber(b, checkInterval, c.Interval)
	b = appendNumber(b, checkTimeout, c.Timeout)
	b = appendNumber(b, checkRise, c.Rise)
	b = appendNumber(b, checkFall, c.Fall)
	b = appendText(b, checkPath, c.Path)
	b = appendText(b, checkMethod, c.Method)
	b = appendPairs(b, checkHeader, c.Headers)
	b = appendNumber(b, checkExpectStatus, c.ExpectStatus)
	b = appendText(b, checkExpectBody, c.ExpectBody)
	b = appendText(b, checkGRPCService, c.GRPCService)
	b = appendBool(b, checkTLS, c.TLS)
	return appendBool(b, checkTLSSkipVerify, c.TLSSkipVerify)
}

func appendReport(b []byte, r registry.Report) []byte {
	b = appendText(b, reportStatus, r.Status)
	return appendText(b, reportOutput, r.Output)
}

func appendMaintenance(b []byte, m registry.Maintenance) []byte {
	b = appendBool(b, maintenanceEnabled, m.Enabled)
	return appendText(b, maintenanceReason, m.Reason)
}

func appendCause(b []byte, c registry.Cause) []byte {
	b = appendText(b, causeEvidence, c.Evidence)
	for _, node := range c.SeenBy {
		b = protowire.AppendTag(b, causeSeenBy, protowire.BytesType)
		b = protowire.AppendString(b, node)
	}
	return b
}

func appendPairs(b []byte, num protowire.Number, pairs map[string]string) []byte {
	if len(pairs) == 0 {
		return b
	}
	keys := slices.AppendSeq(make([]string, 0, 16), maps.Keys(pairs)) // few enough for the stack
	slices.Sort(keys)
	for _, key := range keys {
		b = appendMessage(b, num, func(b []byte) []byte {
			b = appendText(b, pairKey, key)
			return appendText(b, pairValue, pairs[key])
		})
	}
	return b
}

// appendMessage appends what body appends, with its length in front. The length is only known afterwards; moving a short
// message up by a byte or two is cheaper than encoding it somewhere else first.
func appendMessage(b []byte, num protowire.Number, body func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	start := len(b)
	b = body(b)
	var length [10]byte
	return slices.Insert(b, start, protowire.AppendVarint(length[:0], uint64(len(b)-start))...)
}

func appendText[T ~string](b []byte, num protowire.Number, text T) []byte {
	if text == "" {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendString(b, string(text))
}

func appendNumber[T ~int | ~int64 | ~uint64](b []byte, num protowire.Number, n T) []byte {
	if n == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(n))
}

func appendBool(b []byte, num protowire.Number, yes bool) []byte {
	if !yes {
		return b
	}
	return appendNumber(b, num, 1)
}
