package crc32c

import "testing"

func TestTheSumIsTheOneThatTheFieldKnows(t *testing.T) {
	const known = 0xe3069283 // of "123456789", as RFC 3720 and every implementation's own test have it
	if sum := Sum([]byte("123456789")); sum != known {
		t.Errorf("%08x, not %08x", sum, known)
	}
	if sum := Sum([]byte("1234"), nil, []byte("56789")); sum != known {
		t.Errorf("in parts it is %08x, not %08x", sum, known)
	}
}
