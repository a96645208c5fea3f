package registry

import "time"

// The limits of what clients may send, in bytes where nothing else is said. They are enforced where a document comes in
// and not where the log is applied: a limit that is tightened later must not change what an old log entry does.
const (
	MaxNameBytes = 128 // of a service, and of an instance's id

	MaxWeight    = 65_535
	MaxZoneBytes = 128

	MaxTags     = 64
	MaxTagBytes = 128

	MaxMetadata           = 64 // pairs
	MaxMetadataKeyBytes   = 128
	MaxMetadataValueBytes = 1_024

	MinLeaseTTL        = time.Second
	MaxLeaseTTL        = 24 * time.Hour
	MinDeregisterAfter = time.Second // unless it is 0, which is never
	MaxDeregisterAfter = 365 * 24 * time.Hour

	MaxChecks           = 16
	MaxCheckNameBytes   = 128
	MinCheckInterval    = time.Second
	MaxCheckInterval    = 24 * time.Hour
	MaxCheckTimeout     = 30 * time.Second // an instance is waited for no longer, also where an older document allows it
	MaxCheckStreak      = 1_000            // of rise and of fall
	MaxCheckPathBytes   = 1_024
	MaxHeaders          = 32
	MaxHeaderNameBytes  = 128
	MaxHeaderValueBytes = 1_024
	MaxExpectBodyBytes  = 1_024
	MaxGRPCServiceBytes = 256

	MaxOutputBytes = 4_096 // of a report; [Report.Normalize] cuts off what is beyond
	MaxReasonBytes = 1_024 // of a maintenance

	MaxFilterBytes = 4_096
)
