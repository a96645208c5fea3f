package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/registry"
)

func ExampleClient_Discover() {
	c, err := client.New(client.Config{Addrs: []string{"http://127.0.0.1:7300", "http://127.0.0.1:7310"}})
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = c.Close() }()
	instances, err := c.Discover(context.Background(), "payments")
	switch {
	case errors.Is(err, registry.ErrServiceNotFound), errors.Is(err, registry.ErrNoHealthyInstances):
		fmt.Println("nobody can take a payment")
	case err != nil:
		fmt.Println(err)
	}
	for _, i := range instances {
		fmt.Println(i.Address, i.Port)
	}
}

func ExampleClient_Watch() {
	c, err := client.New(client.Config{Addrs: []string{"http://127.0.0.1:7300"}})
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = c.Close() }()
	for snapshot, err := range c.Watch(context.Background(), "payments") {
		if err != nil {
			log.Print(err) // what was seen still holds
			continue
		}
		fmt.Println(len(snapshot.Instances), "instances")
	}
}

func ExampleNew_invalid() {
	_, err := client.New(client.Config{})
	fmt.Println(err)
	// Output: config: Addrs is empty: give the address of a node, such as http://127.0.0.1:7300
}
