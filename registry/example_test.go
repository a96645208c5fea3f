package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/musterhq/muster/registry"
)

func Example() {
	reg := registry.New()

	index, err := reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080})
	if err != nil {
		log.Fatal(err)
	}
	instances, err := reg.Discover("payments")
	if err != nil {
		log.Fatal(err)
	}
	for _, i := range instances {
		fmt.Printf("%s at %s:%d is %s, since %d\n", i.ID, i.Address, i.Port, i.Status, index)
	}

	if err := reg.Deregister("payments", "p1"); err != nil {
		log.Fatal(err)
	}
	_, err = reg.Discover("payments")
	fmt.Println(errors.Is(err, registry.ErrServiceNotFound), err)
	fmt.Println(errors.Is(reg.Deregister("payments", "p1"), registry.ErrInstanceNotFound))
	// Output:
	// p1 at 10.0.0.7:8080 is healthy, since 1
	// true service not found: "payments"
	// true
}

func ExampleRegistry_Discover() {
	reg := registry.New()
	for _, id := range []string{"p1", "p2"} {
		if _, err := reg.Register(registry.Instance{Service: "payments", ID: id, Address: "10.0.0.7", Port: 8080}); err != nil {
			log.Fatal(err)
		}
	}
	down := registry.Report{Status: registry.Unhealthy, Output: "connection refused"}
	for _, id := range []string{"p1", "p2"} {
		if err := reg.Report("payments", id, "", down); err != nil {
			log.Fatal(err)
		}
		instances, err := reg.Discover("payments")
		fmt.Println(len(instances), errors.Is(err, registry.ErrNoHealthyInstances))
	}
	// Output:
	// 1 false
	// 0 true
}

func ExampleRegistry_Watch() {
	reg := registry.New()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	for snap, err := range reg.Watch(ctx, "payments") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(snap.Service, snap.Index, len(snap.Instances))
		switch snap.Index {
		case 0:
			_, err = reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080})
		case 1:
			err = reg.Deregister("payments", "p1")
		default:
			cancel() // which ends the watch
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// payments 0 0
	// payments 1 1
	// payments 2 0
}

func ExampleCompileFilter() {
	reg := registry.New()
	for id, version := range map[string]string{"p1": "1.9.0", "p2": "2.0.1", "p3": "2.3.1"} {
		_, err := reg.Register(registry.Instance{Service: "payments", ID: id, Address: "10.0.0.7", Port: 8080,
			Metadata: map[string]string{"version": version}})
		if err != nil {
			log.Fatal(err)
		}
	}
	filter, err := registry.CompileFilter(`metadata.version matches "^2\\."`)
	if err != nil {
		log.Fatal(err)
	}
	for _, i := range reg.State().Service("payments").Select(registry.Query{Filter: filter}) {
		fmt.Println(i.ID)
	}

	_, err = registry.CompileFilter(`metadata.version > 2`)
	fmt.Println(errors.Is(err, registry.ErrInvalid))
	// Output:
	// p2
	// p3
	// true
}
