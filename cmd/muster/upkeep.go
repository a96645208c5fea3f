package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/registry"
)

// farewellTime is how long the deregistration at the end may take. Without it, the lease runs out.
const farewellTime = 10 * time.Second

// upkeep tells people how a registration fares.
type upkeep struct {
	*client.Registration
	tell io.Writer
}

// upkeep begins to keep an instance registered.
func (p *program) upkeep(ctx context.Context, c *client.Client, instance registry.Instance) (upkeep, error) {
	r, err := c.Register(ctx, instance, client.InBackground())
	if err != nil {
		return upkeep{}, usagef("%w", err)
	}
	return upkeep{r, p.stderr}, nil
}

// await waits for the first try, and returns why it failed.
func (u upkeep) await(ctx context.Context) (client.Status, error) {
	for status := range u.Changes(ctx) {
		if status.State != client.Registering {
			return status, status.Err
		}
	}
	return client.Status{}, context.Cause(ctx)
}

// follow tells when the registration begins to fail, when it is well again, and what had to be done for it, until ctx ends.
func (u upkeep) follow(ctx context.Context) {
	i := u.Instance()
	failing, again := false, 0
	for status := range u.Changes(ctx) {
		if status.Reregistered > again {
			fmt.Fprintf(u.tell, "muster: registered %s %s again (index %d): %s\n", i.Service, i.ID, status.Index, status.Reason)
		}
		switch {
		case status.Err != nil && !failing:
			fmt.Fprintf(u.tell, "muster: can't keep %s %s registered, and goes on trying: %s\n", i.Service, i.ID, explain(status.Err))
		case status.Err == nil && failing:
			fmt.Fprintf(u.tell, "muster: %s %s is registered, and its heartbeats get through\n", i.Service, i.ID)
		}
		failing, again = status.Err != nil, status.Reregistered
	}
}

// end deregisters the instance, although ctx is at its end.
func (u upkeep) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	return u.Close(ctx)
}
