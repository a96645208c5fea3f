package record

import (
	"encoding/binary"
	"fmt"

	"github.com/musterhq/muster/internal/crc32c"
)

// AppendFramed appends the payload with its CRC32C in front to b and returns the result. It is for a place that knows by
// itself how long a record is, such as a value in a database; in a stream use a [Writer].
func AppendFramed(b, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, crc32c.Sum(payload))
	return append(b, payload...)
}

// Unframe checks what [AppendFramed] wrote and returns the payload, which is a part of b. The error is an [ErrDamaged].
func Unframe(b []byte) ([]byte, error) {
	if len(b) < crc32c.Size {
		return nil, fmt.Errorf("%w: %d bytes, of which a checksum alone takes %d", ErrDamaged, len(b), crc32c.Size)
	}
	payload := b[crc32c.Size:]
	if want, got := binary.LittleEndian.Uint32(b), crc32c.Sum(payload); got != want {
		return nil, fmt.Errorf("%w: the checksum says %08x, the %d bytes after it have %08x", ErrDamaged, want, len(payload), got)
	}
	return payload, nil
}
