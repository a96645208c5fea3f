package mutants

import "github.com/musterhq/muster/internal/overlay"

// mutant is a planted bug.
type mutant struct {
	name      string
	bug       string // what is wrong with it
	changes   []change
	schedules []schedule // of which each must catch it
	quick     bool       // a short run tries it too
}

// change replaces a text in a file of the product.
type change struct{ file, old, new string }

// replacements are the changes as package overlay takes them.
func (m mutant) replacements() (all []overlay.Change) {
	for _, c := range m.changes {
		all = append(all, overlay.Change{File: c.file, Old: c.old, New: c.new})
	}
	return all
}

// catalogue has the bugs that registries like this one have had, as they would look here.
var catalogue = []mutant{
	leaderState, verifyLeader, noBarrier,
	secondTransaction, unsyncedLog, unsyncedName,
	droppedEvents, clockInApply, forgottenKeys, appliedAgain, unfencedExpiry,
	trustedSnapshot, openPort, voteInTwo, earlyAnswer,
}

// Whether a leader is one is asked in worse ways.

var leaderState = mutant{
	name: "m1", bug: "a node that takes itself for the leader answers linearizable reads",
	changes: []change{{
		"cluster/readindex.go",
		"if err := m.confirmTerm(ctx, term); err != nil {",
		"if err := ctx.Err(); err != nil {",
	}},
	schedules: []schedule{
		{folder: "cluster", test: "TestALeaderThatIsCutOffConfirmsNothing"},
		{folder: "test/trials", test: frozenLeader, env: []string{"MUSTER_TRIALS=12"}},
	},
}

// frozenLeader is the schedule in which the two mutants of reads answer stale: often the one, seldom the other.
const frozenLeader = "TestALeaderThatWasFrozenAnswersNothingStale"

var verifyLeader = mutant{
	name: "m2", bug: "linearizable reads rely on VerifyLeader of hashicorp/raft, which counts old answers and those of non-voters",
	changes: []change{{
		"cluster/readindex.go",
		"if err := m.confirmTerm(ctx, term); err != nil {",
		"if err := m.settled(ctx, m.raft.VerifyLeader()); err != nil {",
	}},
	schedules: []schedule{{folder: "cluster", test: "TestReadReplicasDoNotConfirmALeader"}},
}

var noBarrier = mutant{
	name: "m3", bug: "a new leader confirms reads before it has applied what earlier leaders committed",
	changes: []change{{
		"cluster/leadership.go",
		"err := m.settled(ctx, m.raft.Barrier(enqueueAttempt))",
		"err := ctx.Err()",
	}},
	schedules: []schedule{{folder: "cluster", test: "TestAReadyTermIsTheTermOfALeaderThatHasAppliedAll"}},
}

// What is on a disk is less than what was promised.

var secondTransaction = mutant{
	name: "m4", bug: "the checkpoint's index is saved in a transaction after that of its records",
	changes: []change{
		{
			"store/save.go",
			"err := c.db.Update(func(tx *bbolt.Tx) error { return c.write(tx, image, next) })",
			`err := c.db.Update(func(tx *bbolt.Tx) error { return c.write(tx, image, next) })
		if err == nil {
			err = c.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(headerBucket)).Put([]byte(headerKey), next) })
		}`,
		},
		{
			"store/save.go",
			"return meta.Put([]byte(headerKey), header)",
			`if c.header != nil {
		header = c.header
	}
	return meta.Put([]byte(headerKey), header)`,
		},
	},
	schedules: []schedule{{folder: "store", test: "TestAKilledProcessLeavesACompleteImage"}},
	quick:     true,
}

// The checkpoint itself is believed only as far as its checksums go, and what it lacks the log has: not to sync it loses
// nothing. So it is the log that is not synced here.
var unsyncedLog = mutant{
	name: "m5", bug: "Raft's log is not synced before an entry counts as stored",
	changes: []change{{
		"internal/raftdisk/disk.go",
		"raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{",
		"raftboltdb.New(raftboltdb.Options{Path: path, NoSync: true, BoltOptions: &bbolt.Options{NoGrowSync: true,",
	}},
	schedules: []schedule{{folder: "test/trials", test: "TestAPowerCutOfAllNodesLosesNothing"}},
}

var unsyncedName = mutant{
	name: "m6", bug: "the file with a node's promises is renamed into its place, and the folder is not synced",
	changes: []change{{
		"cluster/identityfile.go",
		"return syncDir(filepath.Dir(path))",
		"_, _ = filepath.Dir(path), syncDir\n\treturn nil",
	}},
	schedules: []schedule{{folder: "cluster", test: "TestAPromiseOutlivesAPowerCut"}},
}

// What is told or applied is another thing than what the log says.

// A watcher here has no buffer that could be full. What takes its place is the past that a service remembers: whoever is
// further behind gets all of the service anew.
var droppedEvents = mutant{
	name: "m7", bug: "a watcher that is further behind than a service remembers is told nothing, instead of everything",
	changes: []change{{
		"internal/watch/service.go",
		"if !known {\n\t\treturn t.snapshot(s), true\n\t}",
		"if !known {\n\t\treturn Event{}, false\n\t}",
	}},
	schedules: []schedule{{folder: "test/histories", test: "TestAtEachIDAWatcherHasTheStateOfTheLog", drawn: true}},
}

var clockInApply = mutant{
	name: "m8", bug: "a transition has the time at which a node applied it, instead of the time at which it was proposed",
	changes: []change{
		{"fsm/history.go", "Time: c.proposedAt.UnixNano()", "Time: time.Now().UnixNano()"},
		{"fsm/history.go", "\t\"sync\"\n", "\t\"sync\"\n\t\"time\"\n"},
	},
	schedules: []schedule{{folder: "fsm", test: "TestTwoMachinesThatApplyTheSameLogHoldTheSameBytes", drawn: true}},
}

// Were the keys left out of the stream alone, its hash would tell.
var forgottenKeys = mutant{
	name: "m9", bug: "the idempotency keys are no part of a snapshot, nor of the hash in its header",
	changes: []change{
		{"fsm/stream.go", "w.receipts(p.receipts)", "_ = w.receipts"},
		{
			"fsm/stream.go",
			"w.json(kindHeader, snapshotHeader{",
			"unkeyed := p.hash\n\tunkeyed.Leave(p.receipts.Hash())\n\tw.json(kindHeader, snapshotHeader{",
		},
		{"fsm/stream.go", "StateHash: p.hash.String()", "StateHash: unkeyed.String()"},
	},
	schedules: []schedule{{folder: "fsm", test: "TestANodeThatStartedLaterRemembersTheSame", drawn: true}},
}

var appliedAgain = mutant{
	name: "m10", bug: "entries that the checkpoint covers are applied once more when the log is replayed",
	changes: []change{{
		"fsm/machine.go",
		"entry.Type != raft.LogCommand || entry.Index <= draft.from.state.Index() {",
		"entry.Type != raft.LogCommand {",
	}},
	schedules: []schedule{{folder: "fsm", test: "TestALogReplayedOverACheckpointGivesTheSameBytes", drawn: true}},
}

var unfencedExpiry = mutant{
	name: "m11", bug: "the end of a lease is applied whether or not the instance has another lease by then",
	changes: []change{{
		"registry/lease.go",
		"if !e.runs(cur) || cur.Expired {",
		"if cur == nil || cur.Lease == nil || cur.Expired {",
	}},
	schedules: []schedule{{folder: "health", test: "TestNoAcknowledgedHeartbeatIsFollowedByAnEarlyExpiry"}},
	quick:     true,
}

var trustedSnapshot = mutant{
	name: "m12", bug: "a start takes a Raft snapshot that lies there for one that was applied",
	changes: []change{{
		"internal/raftdisk/start.go",
		"return applied >= newest.Index, d.dropDamaged(",
		"return true, d.dropDamaged(",
	}},
	schedules: []schedule{{folder: "internal/raftdisk", test: "TestASnapshotThatWasNeverRestoredIsRestoredAtTheStart"}},
}

// Who the other side is nobody can prove yet; but it must say to which cluster it belongs and for whom it is meant.
var openPort = mutant{
	name: "m13", bug: "the peer port takes Raft's messages from nodes of any cluster, for whichever node they are meant",
	changes: []change{{
		"cluster/port.go",
		`if ours := p.clusterID(); err != nil || ours == "" || theirs != ours || meant != p.raftID {`,
		`if ours := p.clusterID(); err != nil {`,
	}},
	schedules: []schedule{{folder: "cluster", test: "TestARaftConnectionMustBeOfTheSameCluster"}},
}

var voteInTwo = mutant{
	name: "m14", bug: "the term of a vote and its candidate are two writes, as hashicorp/raft makes them",
	changes: []change{{
		"internal/raftdisk/disk.go",
		"return &voteStore{StableStore: d.log}",
		"return d.log",
	}},
	schedules: []schedule{{folder: "internal/raftdisk", test: "TestACrashBetweenTheTwoHalvesOfAVoteLeavesTheOldOne"}},
}
