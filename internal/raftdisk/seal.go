package raftdisk

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
)

// checksumSize is the number of bytes of a CRC32C, which is written in little-endian order.
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

// seal makes JSON of a value, with its checksum in front.
func seal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, checksum(b)), b...), nil
}

// unseal reads what seal has made.
func unseal(b []byte, v any) error {
	if len(b) < checksumSize || binary.LittleEndian.Uint32(b) != checksum(b[checksumSize:]) {
		return errors.New("its checksum does not match")
	}
	return json.Unmarshal(b[checksumSize:], v)
}
