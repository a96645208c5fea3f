package raftdisk

import (
	"errors"
	"fmt"
)

// The reasons for which a node must not take part in the cluster with the files that it finds. They come wrapped with what
// is wrong and in which file, and with what to do about it. They differ from each other in what went wrong, but but for
// two not in the way out: what this node has promised to others can't be known any more.
var (
	// ErrLost: the log is missing, or is an older one than this node has had already.
	ErrLost = errors.New("the log was lost or replaced by an older copy")

	// ErrDamaged: a file does not hold what was written into it.
	ErrDamaged = errors.New("damaged")

	// ErrGap: the snapshots that stand for the beginning of the log are missing.
	ErrGap = errors.New("the snapshot that stands for the beginning of Raft's log is missing")

	// ErrDivergent: the log holds entries that were never committed, and Raft can't get rid of them while it runs. This is
	// the one reason after which the node only has to be started again.
	ErrDivergent = errors.New("the log holds entries that the snapshot from the leader contradicts")

	// ErrForeign: a file belongs to another node.
	ErrForeign = errors.New("of another node")

	// ErrNewerFormat: a later version of muster wrote the file. A newer muster can read it.
	ErrNewerFormat = errors.New("of a newer format")
)

// wayOut is what there is to do where a node may have forgotten votes and acknowledged writes.
const wayOut = "this node may have forgotten votes and acknowledged writes: remove it from the cluster, empty its data directory and let it join again"

// refusal is the error with which a start ends: why, in particular, and what to do.
func refusal(reason error, particulars string, args ...any) error {
	return fmt.Errorf("%w: %s; %s", reason, fmt.Sprintf(particulars, args...), wayOut)
}

// newerFormat is the refusal to touch what a later version has written.
func newerFormat(path string, format, known int) error {
	return fmt.Errorf("%s is %w: it has format %d, and this muster reads format %d: start a newer muster on this data directory", path, ErrNewerFormat, format, known)
}

// withoutIdentity refuses to begin a new node's life with the log or the snapshots of another.
func withoutIdentity(dataDir string) error {
	return refusal(ErrForeign, "there is no node.json in %s, but a log or snapshots of some node: put its node.json back if there is a copy, or else", dataDir)
}
