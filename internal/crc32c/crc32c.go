package crc32c

import "hash/crc32"

// Size is the number of bytes of a sum. Wherever one is written as bytes it stands in little-endian order.
const Size = 4

// Sum returns the CRC32C (Castagnoli) of the parts, one after the other.
func Sum(parts ...[]byte) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // the library keeps the one table of it
	var sum uint32
	for _, part := range parts {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return sum
}
