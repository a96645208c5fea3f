package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
)

const limit = 64

// payloads draws the records of a stream, none above the limit.
func payloads() *rapid.Generator[[][]byte] {
	return rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, limit), 0, 5)
}

func streamOf(t interface{ Fatal(...any) }, records [][]byte) []byte {
	var b bytes.Buffer
	w := record.NewWriter(&b, limit)
	for _, r := range records {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// readAll reads to the end, or to the first error.
func readAll(r io.Reader) (records [][]byte, err error) {
	stream := record.NewReader(r, limit)
	for {
		payload, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		records = append(records, bytes.Clone(payload))
	}
}

func TestAStreamGivesBackItsRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := payloads().Draw(t, "records")
		got, err := readAll(iotest.OneByteReader(bytes.NewReader(streamOf(t, want))))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read (-want +got):\n%s", diff)
		}
	})
}

// A bit that has flipped anywhere, also in a length, is noticed, and nothing but the records before it comes out.
func TestAFlippedBitInAStreamIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := payloads().Filter(func(r [][]byte) bool { return len(r) > 0 }).Draw(t, "records")
		stream := streamOf(t, want)
		bit := rapid.IntRange(0, len(stream)*8-1).Draw(t, "bit")
		stream[bit/8] ^= 1 << (bit % 8)

		got, err := readAll(bytes.NewReader(stream))
		if !errors.Is(err, record.ErrDamaged) {
			t.Fatalf("got error %v, want an ErrDamaged", err)
		}
		if len(got) >= len(want) || !cmp.Equal(want[:len(got)], got, cmpopts.EquateEmpty()) {
			t.Fatalf("read %x before the damage, written were %x", got, want)
		}
	})
}

func TestACutStreamIsNoticedUnlessItIsCutBetweenRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := payloads().Draw(t, "records")
		var boundaries []int
		for n := range len(want) + 1 {
			boundaries = append(boundaries, len(streamOf(t, want[:n])))
		}
		whole := streamOf(t, want)
		cut := rapid.IntRange(0, len(whole)).Draw(t, "cut")

		_, err := readAll(bytes.NewReader(whole[:cut]))
		if between := slices.Contains(boundaries, cut); between != (err == nil) || err != nil && !errors.Is(err, record.ErrDamaged) {
			t.Fatalf("cut at %d, between records: %t, error %v", cut, between, err)
		}
	})
}

func TestZerosAreNotEmptyRecords(t *testing.T) {
	got, err := readAll(bytes.NewReader(make([]byte, 4096)))
	if !errors.Is(err, record.ErrDamaged) || len(got) > 0 {
		t.Errorf("got %d records and error %v, want an ErrDamaged", len(got), err)
	}
}

func TestARecordAboveTheLimitIsNeitherWrittenNorRead(t *testing.T) {
	var b bytes.Buffer
	err := record.NewWriter(&b, limit).Append(make([]byte, limit+1))
	if !errors.Is(err, record.ErrTooLarge) || b.Len() > 0 {
		t.Errorf("wrote %d bytes with error %v, want nothing and an ErrTooLarge", b.Len(), err)
	}

	if err := record.NewWriter(&b, limit+1).Append(make([]byte, limit+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(&b); !errors.Is(err, record.ErrDamaged) || !strings.Contains(err.Error(), "byte 0") {
		t.Errorf("got error %v, want an ErrDamaged at byte 0", err)
	}
}

// A header of eight bytes can claim four gigabytes. It gets what arrives.
func TestAClaimedLengthTakesNoMemory(t *testing.T) {
	header := binary.LittleEndian.AppendUint32(nil, 1<<31-1)
	header = append(header, 0, 0, 0, 0, 'x')
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := record.NewReader(bytes.NewReader(header), 1<<31-1).Next(); !errors.Is(err, record.ErrDamaged) {
				b.Fatalf("got error %v, want an ErrDamaged", err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 1<<16 {
		t.Errorf("reading one byte took %d bytes of memory", allocated)
	}
}

func TestErrorsOfTheSourceComeThrough(t *testing.T) {
	broken := errors.New("the cable is out")
	stream := streamOf(t, [][]byte{[]byte("payload")})
	for cut := range stream {
		_, err := readAll(io.MultiReader(bytes.NewReader(stream[:cut]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: got error %v, want the source's own", cut, err)
		}
	}
}

func TestAFrameTellsDamageFromContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		framed := record.AppendFramed([]byte("before"), payload)[len("before"):]
		if got, err := record.Unframe(framed); err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("got %x and error %v, want %x", got, err, payload)
		}
		bit := rapid.IntRange(0, len(framed)*8-1).Draw(t, "bit")
		framed[bit/8] ^= 1 << (bit % 8)
		if got, err := record.Unframe(framed); !errors.Is(err, record.ErrDamaged) {
			t.Fatalf("bit %d flipped: got %x and error %v, want an ErrDamaged", bit, got, err)
		}
	})
}

func TestAFrameShorterThanItsChecksumIsRefused(t *testing.T) {
	for n := range 4 {
		if got, err := record.Unframe(make([]byte, n)); !errors.Is(err, record.ErrDamaged) {
			t.Errorf("%d bytes: got %x and error %v, want an ErrDamaged", n, got, err)
		}
	}
}

// Whatever the bytes are: the reader comes to an end, and writing what it read gives the same bytes again.
func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 16))
	f.Add(streamOf(f, [][]byte{{}, []byte("one"), []byte("two")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := readAll(bytes.NewReader(b))
		if err != nil && !errors.Is(err, record.ErrDamaged) {
			t.Fatalf("not an ErrDamaged: %v", err)
		}
		again := streamOf(t, records)
		if !bytes.HasPrefix(b, again) || err == nil && len(again) != len(b) {
			t.Fatalf("%x reads as %x, which is written as %x", b, records, again)
		}
	})
}
