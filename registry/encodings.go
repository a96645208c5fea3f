package registry

import "sync"

// How much of what a service was written as is kept for the next who asks: so many encodings, and so many bytes together, but
// the first one whatever its size: many who ask for the whole of a service with large instances hold the same bytes.
const (
	maxEncodings          = 64
	maxEncodedBytes       = 8 << 10
	maxEncodedPerInstance = 2 << 10
)

// Encoding names one of the ways to write a service: two that are equal give the same bytes.
type Encoding struct {
	Kind  string
	From  uint64 // the position that it begins at, where that matters
	Query string // the query that it answers, in a form of its own
}

// encodings are the bytes that were made of one version of a service.
type encodings struct {
	mu    sync.Mutex
	byKey map[Encoding]func() []byte
	bytes int
}

// EncodedAs returns what encode makes of the service, and keeps it for as long as the service stays as it is: of many who
// ask for the same encoding, also at the same moment, one makes it and all have it. Where very many encodings were made of
// the service already, more are made without being kept. The result is shared and must not be changed.
func (s *Service) EncodedAs(as Encoding, encode func(*Service) []byte) []byte {
	e := &s.encodings
	e.mu.Lock()
	get, ok := e.byKey[as]
	if !ok {
		get = sync.OnceValue(func() []byte {
			b := encode(s)
			e.made(as, len(b), maxEncodedBytes+maxEncodedPerInstance*s.Len())
			return b
		})
		if len(e.byKey) < maxEncodings {
			if e.byKey == nil {
				e.byKey = map[Encoding]func() []byte{}
			}
			e.byKey[as] = get
		}
	}
	e.mu.Unlock()
	return get()
}

// made counts what was made, and lets go of it where that is too much to keep.
func (e *encodings) made(as Encoding, size, room int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, kept := e.byKey[as]; !kept {
		return
	}
	if e.bytes > 0 && e.bytes+size > room {
		delete(e.byKey, as)
		return
	}
	e.bytes += size
}
