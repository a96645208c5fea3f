package registry_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/musterhq/muster/registry"
)

func TestWhatManyAskForIsEncodedOnce(t *testing.T) {
	s := applyAll(t, register(named("a", "1")))
	service := s.Service("a")
	var made atomic.Int32
	ask := func(service *registry.Service, as registry.Encoding) string {
		return string(service.EncodedAs(as, func(s *registry.Service) []byte {
			made.Add(1)
			return fmt.Append(nil, s.Name(), as)
		}))
	}
	var asking sync.WaitGroup
	for n := range 100 {
		as := registry.Encoding{Kind: "delta", From: uint64(n % 3), Query: "q"}
		asking.Go(func() {
			if got, want := ask(service, as), fmt.Sprint("a", as); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	asking.Wait()
	if made.Load() != 3 {
		t.Errorf("3 encodings were made %d times", made.Load())
	}
	for _, as := range []registry.Encoding{{Kind: "snapshot", From: 1, Query: "q"}, {Kind: "delta", From: 1}} {
		if got, want := ask(service, as), fmt.Sprint("a", as); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	next, _ := apply(t, s, register(named("a", "2")))
	ask(next.Service("a"), registry.Encoding{Kind: "delta", From: 1, Query: "q"})
	if made.Load() != 6 {
		t.Errorf("6 encodings were made %d times", made.Load())
	}
}

func TestOnlySoManyEncodingsAreKept(t *testing.T) {
	service := applyAll(t, register(named("a", "1"))).Service("a")
	times := func(size, encodings int, kind string) int {
		made := 0
		for range 2 {
			for n := range encodings {
				b := service.EncodedAs(registry.Encoding{Kind: kind, From: uint64(n)}, func(*registry.Service) []byte {
					made++
					return make([]byte, size)
				})
				if len(b) != size {
					t.Fatalf("got %d bytes", len(b))
				}
			}
		}
		return made
	}
	if made := times(4_096, 3, "large"); made != 4 { // of the third nothing is kept
		t.Errorf("3 large encodings were made %d times in two rounds", made)
	}
	if made := times(10, 100, "small"); made != 100+100-62 {
		t.Errorf("100 small encodings were made %d times in two rounds", made)
	}
}

func TestTheFirstEncodingIsKeptWhateverItsSize(t *testing.T) {
	service, made := applyAll(t, register(named("a", "1"))).Service("a"), 0
	for range 2 {
		service.EncodedAs(registry.Encoding{Kind: "snapshot"}, func(*registry.Service) []byte {
			made++
			return make([]byte, 1<<20)
		})
	}
	if made != 1 {
		t.Errorf("it was made %d times", made)
	}
}
