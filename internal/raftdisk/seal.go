package raftdisk

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/musterhq/muster/internal/crc32c"
)

// seal makes JSON of a value, with its checksum in front.
func seal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, crc32c.Sum(b)), b...), nil
}

// unseal reads what seal has made.
func unseal(b []byte, v any) error {
	if len(b) < crc32c.Size || binary.LittleEndian.Uint32(b) != crc32c.Sum(b[crc32c.Size:]) {
		return errors.New("its checksum does not match")
	}
	return json.Unmarshal(b[crc32c.Size:], v)
}
