package record

import "google.golang.org/protobuf/encoding/protowire"

// The encoding is the protobuf wire format, so that a later version can add fields that an older one skips. These are the
// numbers of the fields, message by message. A number is never used again for something else, and a new field is also a
// new content of the state's hash: whatever stores or sends records must then ask for readers that know the field.
//
// Text stands as bytes, numbers and durations (nanoseconds) as varints, a bool as 1. Zero values are left out, except for
// the elements of a list and a lease, whose presence alone says something. Fields stand in the order of their numbers and
// the pairs of a map in the order of their keys.
const (
	instanceService     protowire.Number = 1
	instanceID          protowire.Number = 2
	instanceAddress     protowire.Number = 3
	instancePort        protowire.Number = 4
	instanceZone        protowire.Number = 5
	instanceWeight      protowire.Number = 6
	instanceTag         protowire.Number = 7  // one field each
	instanceMetadata    protowire.Number = 8  // a pair each
	instanceLease       protowire.Number = 9  // a lease
	instanceCheck       protowire.Number = 10 // a check each
	instanceStatus      protowire.Number = 11
	instanceReported    protowire.Number = 12 // a report
	instanceMaintenance protowire.Number = 13 // a maintenance
	instanceCreateIndex protowire.Number = 14
	instanceModifyIndex protowire.Number = 15
	instanceIncarnation protowire.Number = 16
	instanceExpired     protowire.Number = 17
	instanceLeaseIndex  protowire.Number = 18
)

const (
	leaseTTL             protowire.Number = 1
	leaseDeregisterAfter protowire.Number = 2
)

const (
	checkName          protowire.Number = 1
	checkType          protowire.Number = 2
	checkPort          protowire.Number = 3
	checkInterval      protowire.Number = 4
	checkTimeout       protowire.Number = 5
	checkRise          protowire.Number = 6
	checkFall          protowire.Number = 7
	checkPath          protowire.Number = 8
	checkMethod        protowire.Number = 9
	checkHeader        protowire.Number = 10 // a pair each
	checkExpectStatus  protowire.Number = 11
	checkExpectBody    protowire.Number = 12
	checkGRPCService   protowire.Number = 13
	checkTLS           protowire.Number = 14
	checkTLSSkipVerify protowire.Number = 15
	checkStatus        protowire.Number = 16
	checkOutput        protowire.Number = 17
	checkPreserved     protowire.Number = 18
)

const (
	reportStatus protowire.Number = 1
	reportOutput protowire.Number = 2
)

const (
	maintenanceEnabled protowire.Number = 1
	maintenanceReason  protowire.Number = 2
)

const (
	pairKey   protowire.Number = 1
	pairValue protowire.Number = 2
)

const (
	causeEvidence protowire.Number = 1
	causeSeenBy   protowire.Number = 2 // one field each
)
