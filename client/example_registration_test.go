package client_test

import (
	"context"
	"errors"
	"log"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/registry"
)

func ExampleClient_Register() {
	c, err := client.New(client.Config{Addrs: []string{"http://127.0.0.1:7300", "http://127.0.0.1:7310"}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	// The program starts whether or not the registry is there.
	ctx := context.Background()
	r, err := c.Register(ctx, registry.Instance{Service: "payments", Address: "10.0.0.7", Port: 8080},
		client.WithTTL(15*time.Second), client.WithDeregisterAfter(10*time.Minute), client.InBackground())
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for status := range r.Changes(ctx) {
			log.Print("registration: ", status.State, " ", status.Err)
		}
	}()
}

func ExampleRegistration_Drain() {
	var r *client.Registration // of Client.Register

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := r.Drain(ctx)
	if unheard, ok := errors.AsType[*client.DrainError](err); ok {
		log.Print("deregistered, but these may still send calls: ", unheard.Unconfirmed)
	}
	// Now the server may shut down: nobody else picks the instance.
}
