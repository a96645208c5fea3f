package main

import (
	"context"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
)

func (m *memory) Roster() *roster.Roster { return roster.New(time.Now()) }

// Drain finds the gateway fast asleep, unless it is asked about orders.
func (m *memory) Drain(_ context.Context, service string, _ uint64, _ time.Duration) wire.Drained {
	if service == "orders" {
		return wire.Drained{Confirmed: 3, Unconfirmed: []string{}}
	}
	return wire.Drained{Confirmed: 41, Unconfirmed: []string{"gateway", "node:n2"}}
}

func TestADrainTellsWhoHasNotConfirmed(t *testing.T) {
	addr := serveMemory(t)
	for _, service := range []string{"payments", "orders"} {
		runAt(t, addr, "register", service, "--address", "10.0.0.7", "--port", "80", "--id", "p1")
	}
	runAt(t, addr, "deregister", "payments", "p1", "--drain", "5s").want(t, exitDone, `
deregistered payments p1 (index 3)
confirmed by 41 who watch, unconfirmed by 2
  gateway
  node:n2
`)
	runAt(t, addr, "deregister", "orders", "p1", "--drain", "5s", "-o", "json").want(t, exitDone, `
{
  "index": 4,
  "confirmed": 3,
  "unconfirmed": []
}
`)
}

func TestADrainOfNoTimeOrTooMuchIsWrongUsage(t *testing.T) {
	for _, drain := range []string{"0s", "-1s", "61s", "soon"} {
		runAt(t, "http://127.0.0.1:1", "deregister", "payments", "p1", "--drain", drain).fails(t, exitUsage, "--drain")
	}
}
