package heartbeats

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/health"
)

// CallAges is the call with which a new leader asks who led before it how old the leases are, lest a hand-over give each of
// them its full time once more. It is asked with the new leader's term, in eight bytes; the answer is a stream of ages, each
// with its length before it, or nothing.
const CallAges = "lease-ages"

const (
	// inheritTimeout is how long the answer may take. Without it, or with a part of it, leases only run longer.
	inheritTimeout = 5 * time.Second

	// agesAtOnce is how many ages are taken over at a time, so that others get their turn at the leases.
	agesAtOnce = 1024

	// maxAge bounds an age in a stream: three names, and three numbers.
	maxAge = 1024
)

// The fields of an age.
const (
	ageService protowire.Number = 1
	ageID      protowire.Number = 2
	ageIndex   protowire.Number = 3 // of the lease
	ageRun     protowire.Number = 4 // nanoseconds, zigzag
	ageVia     protowire.Number = 5 // a Raft id
)

var errAges = errors.New("another node answered with something else than the ages of leases")

// inherit takes over the ages of the leases from whoever led in the term before, if one of the voters did and answers.
func (k *Keeper) inherit(ctx context.Context, term uint64) {
	ctx, cancel := context.WithTimeout(ctx, inheritTimeout)
	defer cancel()
	var questions sync.WaitGroup
	for _, id := range k.office.Voters() {
		if id == k.office.RaftID() {
			continue
		}
		questions.Go(func() {
			n, err := k.inheritFrom(ctx, id, term)
			if n > 0 || err != nil && ctx.Err() == nil {
				k.logger.Debug("asked a voter for the ages of the leases", "raft_id", id, "got", n, "error", err)
			}
		})
	}
	questions.Wait()
}

func (k *Keeper) inheritFrom(ctx context.Context, id string, term uint64) (taken int, err error) {
	stream, err := k.office.Stream(ctx, id, CallAges, binary.BigEndian.AppendUint64(nil, term))
	if err != nil {
		return 0, err
	}
	defer func() { _ = stream.Close() }()
	from := bufio.NewReader(stream)
	var ages []health.Age
	for {
		age, err := readAge(from)
		if err == nil {
			ages = append(ages, age)
		}
		if len(ages) == agesAtOnce || err != nil {
			for _, age := range ages {
				if age.Via != "" {
					k.passers.note(age.Via)
				}
			}
			k.leases.TakeOver(term, ages)
			taken += len(ages)
			ages = ages[:0]
		}
		if errors.Is(err, io.EOF) {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
	}
}

// AnswerAges answers [CallAges]. It ends this node's own leadership, should that not have been noticed yet.
func (k *Keeper) AnswerAges(_ context.Context, request []byte, to io.Writer) error {
	if len(request) != 8 {
		return errAges
	}
	ages, _ := k.leases.HandOver(binary.BigEndian.Uint64(request))
	buffered := bufio.NewWriterSize(to, 64<<10)
	var record, framed []byte
	for _, age := range ages {
		record = appendAge(record[:0], age)
		framed = protowire.AppendBytes(framed[:0], record)
		if _, err := buffered.Write(framed); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

func appendAge(b []byte, age health.Age) []byte {
	b = appendText(b, ageService, age.Lease.Service)
	b = appendText(b, ageID, age.Lease.ID)
	b = protowire.AppendTag(b, ageIndex, protowire.VarintType)
	b = protowire.AppendVarint(b, age.Lease.Index)
	b = protowire.AppendTag(b, ageRun, protowire.VarintType)
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(int64(age.Age)))
	if age.Via != "" {
		b = appendText(b, ageVia, age.Via)
	}
	return b
}

// readAge reads one age; at the end of the stream the error is [io.EOF].
func readAge(from *bufio.Reader) (health.Age, error) {
	size, err := binary.ReadUvarint(from)
	if err != nil {
		return health.Age{}, err
	}
	if size > maxAge {
		return health.Age{}, errAges
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(from, b); err != nil {
		return health.Age{}, fmt.Errorf("%w: it breaks off", errAges)
	}
	var age health.Age
	err = eachField(b, func(number protowire.Number, value uint64, content []byte) error {
		switch number {
		case ageService:
			age.Lease.Service = string(content)
		case ageID:
			age.Lease.ID = string(content)
		case ageIndex:
			age.Lease.Index = value
		case ageRun:
			age.Age = time.Duration(protowire.DecodeZigZag(value))
		case ageVia:
			age.Via = string(content)
		}
		return nil
	})
	return age, err
}
