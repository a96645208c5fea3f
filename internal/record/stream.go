package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/musterhq/muster/internal/crc32c"
)

// A record in a stream is its length in 4 bytes, its CRC32C in 4 more, and its payload. The checksum covers the length too,
// or a run of zeros would read as any number of empty records.
const (
	lengthSize = 4
	headerSize = lengthSize + crc32c.Size
)

// ErrTooLarge is the error for a record that is above the limit of the stream that it was to be written to.
var ErrTooLarge = errors.New("record too large")

// Writer writes a stream of records. It is for one goroutine.
type Writer struct {
	w     io.Writer
	limit int
	frame []byte // of the last record, kept for its memory
}

// NewWriter returns a writer of records of at most limit bytes each. It hands each of them to w in one call and holds
// nothing back; where many are small, w should be buffered.
func NewWriter(w io.Writer, limit int) *Writer {
	return &Writer{w: w, limit: limit}
}

// Append writes one record. A payload above the limit is an [ErrTooLarge] of which nothing is written; any other error is
// w's own, and leaves a stream that ends in the middle.
func (w *Writer) Append(payload []byte) error {
	if len(payload) > w.limit {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(payload), w.limit)
	}
	length := binary.LittleEndian.AppendUint32(w.frame[:0], uint32(len(payload)))
	w.frame = binary.LittleEndian.AppendUint32(length, crc32c.Sum(length, payload))
	w.frame = append(w.frame, payload...)
	_, err := w.w.Write(w.frame)
	return err
}

// Reader reads the stream that a [Writer] wrote. It is for one goroutine.
type Reader struct {
	r       io.Reader
	limit   int
	at      int64 // where in the stream the next record starts
	payload bytes.Buffer
}

// NewReader returns a reader of records of at most limit bytes each. It reads from r no more than the record that it is
// asked for, so that something else may follow; where many are small, r should be buffered.
func NewReader(r io.Reader, limit int) *Reader {
	return &Reader{r: r, limit: limit}
}

// Next returns the payload of the next record, which is good until the next call. It returns [io.EOF] where the stream ends
// after a whole record. A stream that ends anywhere else, has other bytes than were written, or has a record above the limit,
// is an [ErrDamaged], which says at which byte the record starts; any other error is r's own. Memory grows with what really
// arrives, not with the length that a record claims.
func (r *Reader) Next() ([]byte, error) {
	var header [headerSize]byte
	switch _, err := io.ReadFull(r.r, header[:]); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: the record at byte %d is cut off", ErrDamaged, r.at)
	case err != nil:
		return nil, err
	}
	length, want := binary.LittleEndian.Uint32(header[:]), binary.LittleEndian.Uint32(header[lengthSize:])
	if int64(length) > int64(r.limit) {
		return nil, fmt.Errorf("%w: the record at byte %d claims %d bytes, the limit is %d", ErrDamaged, r.at, length, r.limit)
	}
	r.payload.Reset()
	switch n, err := io.CopyN(&r.payload, r.r, int64(length)); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: the record at byte %d is cut off after %d of %d bytes", ErrDamaged, r.at, n, length)
	case err != nil:
		return nil, err
	}
	if got := crc32c.Sum(header[:lengthSize], r.payload.Bytes()); got != want {
		return nil, fmt.Errorf("%w: the checksum of the record at byte %d says %08x, its bytes have %08x", ErrDamaged, r.at, want, got)
	}
	r.at += headerSize + int64(length)
	return r.payload.Bytes(), nil
}
