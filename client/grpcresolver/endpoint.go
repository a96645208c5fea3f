package grpcresolver

import (
	"net"
	"strconv"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/musterhq/muster/registry"
)

type instanceKey struct{}

// endpoints makes gRPC's endpoints of instances: one for each address, with the instance as an attribute. Of several instances
// at one address, which gRPC would make one of at random, the first stays.
func endpoints(instances []registry.Instance) []resolver.Endpoint {
	list := make([]resolver.Endpoint, 0, len(instances)) // never nil, which gRPC would take for "see the addresses"
	taken := make(map[string]bool, len(instances))
	for i := range instances {
		instance := instances[i]
		address := net.JoinHostPort(instance.Address, strconv.Itoa(instance.Port))
		if taken[address] {
			continue
		}
		taken[address] = true
		instance.Status, instance.Maintenance = registry.Healthy, registry.Maintenance{} // a source of one's own need not say so
		if instance.ID == "" {
			instance.ID = address
		}
		list = append(list, resolver.Endpoint{
			Addresses:  []resolver.Address{{Addr: address}},
			Attributes: attributes.New(instanceKey{}, &instance),
		})
	}
	return list
}

// instanceOf is the instance that an endpoint was made of; nil where it was not made here.
func instanceOf(e resolver.Endpoint) *registry.Instance {
	instance, _ := e.Attributes.Value(instanceKey{}).(*registry.Instance)
	return instance
}
