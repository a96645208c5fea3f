package grpcresolver

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// streams tells which methods are streams: how long one lasts says nothing of its instance. gRPC does not tell a balancer, but
// generated code describes its methods.
type streams struct {
	mu    sync.Mutex // held to add
	known atomic.Pointer[map[string]bool]
}

// has tells whether the method is a stream. One that no generated code of the program describes counts as none.
func (s *streams) has(method string) bool {
	if known := s.known.Load(); known != nil {
		if is, ok := (*known)[method]; ok {
			return is
		}
	}
	is, described := isStream(method)
	if described { // so that names which come from outside do not pile up
		s.add(method, is)
	}
	return is
}

func (s *streams) add(method string, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]bool{method: is}
	if known := s.known.Load(); known != nil {
		maps.Copy(next, *known)
	}
	s.known.Store(&next)
}

func isStream(method string) (is, described bool) {
	name := strings.Replace(strings.TrimPrefix(method, "/"), "/", ".", 1)
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false, false
	}
	m, ok := d.(protoreflect.MethodDescriptor)
	return ok && (m.IsStreamingClient() || m.IsStreamingServer()), ok
}
