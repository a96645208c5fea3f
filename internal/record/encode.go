package record

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/registry"
)

// Append appends the canonical bytes of i to b and returns the result. Two instances give the same bytes exactly when they
// are equal, a nil and an empty list or map being the same. It only reads i.
func Append(b []byte, i *registry.Instance) []byte {
	b = appendDocument(b, i, withResults)
	b = appendText(b, instanceStatus, i.Status)
	if i.Reported != (registry.Report{}) {
		from := len(b)
		b = sealMessage(appendReport(b, i.Reported), from, instanceReported)
	}
	if i.Maintenance != (registry.Maintenance{}) {
		from := len(b)
		b = sealMessage(appendMaintenance(b, i.Maintenance), from, instanceMaintenance)
	}
	b = appendNumber(b, instanceCreateIndex, i.CreateIndex)
	b = appendNumber(b, instanceModifyIndex, i.ModifyIndex)
	b = appendNumber(b, instanceIncarnation, i.Incarnation)
	b = appendBool(b, instanceExpired, i.Expired)
	return appendNumber(b, instanceLeaseIndex, i.LeaseIndex)
}

// checkParts says how much of a check is written.
type checkParts bool

const (
	definition  checkParts = false
	withResults checkParts = true
)

// appendDocument appends what the client says of its instance, and of its checks the parts that are asked for.
func appendDocument(b []byte, i *registry.Instance, parts checkParts) []byte {
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
		from := len(b)
		b = sealMessage(appendLease(b, i.Lease), from, instanceLease)
	}
	for n := range i.Checks {
		from := len(b)
		b = sealMessage(appendCheck(b, &i.Checks[n], parts), from, instanceCheck)
	}
	return b
}

func appendLease(b []byte, l *registry.Lease) []byte {
	b = appendNumber(b, leaseTTL, l.TTL)
	return appendNumber(b, leaseDeregisterAfter, l.DeregisterAfter)
}

// appendCheck appends the question that c asks, and with its results also the answer.
func appendCheck(b []byte, c *registry.Check, parts checkParts) []byte {
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
	b = appendBool(b, checkTLSSkipVerify, c.TLSSkipVerify)
	if parts == withResults {
		b = appendText(b, checkStatus, c.Status)
		b = appendText(b, checkOutput, c.Output)
		b = appendBool(b, checkPreserved, c.Preserved)
	}
	return b
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
	keys := make([]string, 0, 16) // few enough for the stack
	for key := range pairs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		from := len(b)
		b = appendText(b, pairKey, key)
		b = sealMessage(appendText(b, pairValue, pairs[key]), from, num)
	}
	return b
}

// appendMessage appends what body appends as a message. What is hashed with every change is written by [sealMessage] alone:
// body, which could be any function, would have the bytes escape to the heap.
func appendMessage(b []byte, num protowire.Number, body func([]byte) []byte) []byte {
	return sealMessage(body(b), len(b), num)
}

// sealMessage makes a message of the bytes from an offset on: it puts the tag and the length in front of them. The length is
// only known afterwards; moving a short message up by a few bytes is cheaper than encoding it somewhere else first.
func sealMessage(b []byte, from int, num protowire.Number) []byte {
	var space [2 * binary.MaxVarintLen64]byte
	front := protowire.AppendTag(space[:0], num, protowire.BytesType)
	front = protowire.AppendVarint(front, uint64(len(b)-from))
	return slices.Insert(b, from, front...)
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
