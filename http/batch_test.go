package http

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

const register2 = `{"register": {"service": "payments", "id": "payments-2", "address": "10.0.0.8", "port": 80}}`

func batchOf(operations ...string) string {
	return `{"operations": [` + strings.Join(operations, ", ") + `]}`
}

func TestABatchAppliesAllAtOneIndex(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.register("payments", "payments-3")
	r := h.call("POST", "/v1/batch", batchOf(register2,
		`{"deregister": {"service": "payments", "id": "payments-1"}}`,
		`{"health": {"service": "payments", "id": "payments-3", "status": "unhealthy"}}`)).want(200)
	got := decoded[wire.BatchAnswer](r)
	if got.Index != 3 || len(got.Results) != 3 || r.Header().Get(wire.HeaderIndex) != "3" {
		t.Fatalf("index %d, %d results", got.Index, len(got.Results))
	}
	created, gone, reported := got.Results[0], got.Results[1], got.Results[2]
	if !created.Created || created.Instance.ModifyIndex != 3 || created.Digest == "" {
		t.Errorf("the registration did %+v", created)
	}
	if !gone.Changed || gone.Instance != nil || gone.ID != "payments-1" {
		t.Errorf("the deregistration did %+v", gone)
	}
	if !reported.Changed || reported.Instance.Status != registry.Unhealthy || reported.Digest != "" {
		t.Errorf("the report did %+v", reported)
	}
}

func TestABatchFailsAsAWholeAndNamesThePosition(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	for name, bad := range map[string]struct {
		operation string
		code      wire.Code
		word      string
	}{
		"unknown instance":    {`{"deregister": {"service": "payments", "id": "nobody"}}`, wire.CodeInstanceNotFound, "nobody"},
		"unknown check":       {`{"health": {"service": "payments", "id": "payments-1", "check": "c", "status": "healthy"}}`, wire.CodeNotFound, "c"},
		"broken rule":         {`{"register": {"service": "payments", "id": "p", "address": "10.0.0.8"}}`, wire.CodeInvalidRequest, "port"},
		"unknown field":       {`{"register": {"service": "payments", "prot": 80}}`, wire.CodeInvalidRequest, "prot"},
		"unknown operation":   {`{"maintain": {}}`, wire.CodeInvalidRequest, "maintain"},
		"wrong type":          {`{"register": {"port": "80"}}`, wire.CodeInvalidRequest, "port"},
		"no operation":        {`{}`, wire.CodeInvalidRequest, "one of"},
		"two operations":      {`{"deregister": {"service": "a", "id": "a"}, "health": {"service": "a", "id": "a", "status": "healthy"}}`, wire.CodeInvalidRequest, "one of"},
		"null":                {`null`, wire.CodeInvalidRequest, "object"},
		"no object":           {`"register"`, wire.CodeInvalidRequest, "object"},
		"the same once again": {register2, wire.CodeInvalidRequest, "payments-2"},
		"bad name":            {`{"deregister": {"service": "pay ments", "id": "a"}}`, wire.CodeInvalidRequest, "service"},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.call("POST", "/v1/batch", batchOf(register2, bad.operation))
			r.about(bad.code, "operation 1", bad.word)
			if p := r.asProblem(); p.Position == nil || *p.Position != 1 || p.Outcome != wire.NotApplied {
				t.Errorf("position and outcome: %s", r.Body)
			}
		})
	}
}

func TestABatchOfOneNamesItsPositionToo(t *testing.T) {
	h := newHarness(t)
	p := h.call("POST", "/v1/batch", batchOf(`{"deregister": {"service": "a", "id": "a"}}`)).problem(wire.CodeInstanceNotFound)
	if p.Position == nil || *p.Position != 0 {
		t.Errorf("position %v", p.Position)
	}
}

func TestAClusterWithoutALeaderIsNobodysPosition(t *testing.T) {
	h := newHarness(t)
	h.node.refuse = fault.ErrNoLeader
	if p := h.call("POST", "/v1/batch", batchOf(register2)).problem(wire.CodeNoLeader); p.Position != nil {
		t.Errorf("position %d", *p.Position)
	}
}

func TestABatchHoldsOneToFiveHundredAndTwelveOperations(t *testing.T) {
	h := newHarness(t)
	operations := make([]string, 513)
	for n := range operations {
		operations[n] = fmt.Sprintf(`{"register": {"service": "s", "id": "i%d", "address": "10.0.0.8", "port": 80}}`, n)
	}
	untouched := h.unchanged()
	h.call("POST", "/v1/batch", batchOf(operations...)).about(wire.CodeInvalidRequest, "512", "513")
	h.call("POST", "/v1/batch", batchOf()).about(wire.CodeInvalidRequest, "operations")
	h.call("POST", "/v1/batch", `{}`).about(wire.CodeInvalidRequest, "operations")
	h.call("POST", "/v1/batch", `{"operations": {}}`).about(wire.CodeInvalidRequest, "operations", "list")
	untouched()

	h.call("POST", "/v1/batch", batchOf(operations[:512]...)).want(200)
	if got := h.node.State().Len(); got != 512 {
		t.Errorf("%d instances, want 512", got)
	}
}

func TestABatchThatCanNeverApplyDoesNotReachTheLog(t *testing.T) {
	h := newHarness(t)
	h.node.submit = func(context.Context) error {
		t.Error("it was submitted")
		return nil
	}
	h.call("POST", "/v1/batch", batchOf(register2, register2)).problem(wire.CodeInvalidRequest)
}
