package lb_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func Example() {
	reg := registry.New()
	_, _ = reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080})

	b, err := lb.New("adaptive", lb.Local(reg))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	instance, done, err := b.Pick(context.Background(), "payments")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("calling %s:%d\n", instance.Address, instance.Port)
	done(nil) // the call's error
	// Output: calling 10.0.0.7:8080
}

// A second try goes to another instance.
func ExampleService_Acquire() {
	reg := registry.New()
	_, _ = reg.Register(registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080, Zone: "b"})
	_, _ = reg.Register(registry.Instance{Service: "payments", ID: "p2", Address: "10.0.0.8", Port: 8080, Zone: "a"})
	b, _ := lb.New("p2c", lb.Local(reg), lb.WithZone("a"), lb.WithBreaker(breaker.DefaultConfig()))
	defer b.Close()

	payments := b.Service("payments")
	var tried lb.Tried
	for {
		call, err := payments.Acquire(context.Background(), lb.Query{Tried: &tried})
		if err != nil {
			fmt.Println(errors.Is(err, lb.ErrAllTried))
			return
		}
		fmt.Println(call.Instance().ID)
		tried.Add(call.Instance().ID)
		call.Done(lb.Outcome{Err: errors.New("connection refused")})
	}
	// Output:
	// p2
	// p1
	// true
}

func ExampleLoad_String() {
	l := lb.Load{InFlight: 4, Latency: 20 * time.Millisecond}
	fmt.Println(lb.LoadHeader+":", l)
	read, err := lb.ParseLoad(l.String())
	fmt.Println(read == l, err)
	// Output:
	// endpoint-load-metrics: TEXT named_metrics.in_flight=4, named_metrics.latency=0.02
	// true <nil>
}
