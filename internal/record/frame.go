package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// checksumSize is the number of bytes of a CRC32C. Wherever one is written it stands in little-endian order.
const checksumSize = 4

// checksum returns the CRC32C of the parts, one after the other.
func checksum(parts ...[]byte) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // the package keeps the one table of it
	var sum uint32
	for _, part := range parts {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return sum
}

// AppendFramed appends the payload with its CRC32C in front to b and returns the result. It is for a place that knows by
// itself how long a record is, such as a value in a database; in a stream use a [Writer].
func AppendFramed(b, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, checksum(payload))
	return append(b, payload...)
}

// Unframe checks what [AppendFramed] wrote and returns the payload, which is a part of b. The error is an [ErrDamaged].
func Unframe(b []byte) ([]byte, error) {
	if len(b) < checksumSize {
		return nil, fmt.Errorf("%w: %d bytes, of which a checksum alone takes %d", ErrDamaged, len(b), checksumSize)
	}
	payload := b[checksumSize:]
	if want, got := binary.LittleEndian.Uint32(b), checksum(payload); got != want {
		return nil, fmt.Errorf("%w: the checksum says %08x, the %d bytes after it have %08x", ErrDamaged, want, len(payload), got)
	}
	return payload, nil
}
