package http

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

func TestAStateThatIsWrongIsShownToNobody(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.unsound = fmt.Errorf("%w: it is being replaced", fault.ErrNotReady)
	for _, path := range reads {
		for _, how := range []string{"", "?consistency=linearizable", "?min_index=1", "?min_index=99&wait=10m", "?max_stale=1h"} {
			h.call("GET", path+how, "").about(wire.CodeNotReady, "it is being replaced")
		}
	}
}

func TestAStateThatTurnsOutWrongWhileAReadWaitsIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.register("payments", "payments-1")
		time.AfterFunc(time.Second, func() {
			h.node.writing.Lock()
			h.node.unsound = fmt.Errorf("%w: it is being replaced", fault.ErrNotReady)
			h.node.writing.Unlock()
			h.node.advance(9)
		})
		h.call("GET", payments1+"?min_index=9", "").about(wire.CodeNotReady, "it is being replaced")
	})
}
