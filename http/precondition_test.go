package http

import (
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

func TestAConditionalWriteMeetsTheVersionItWasMadeFor(t *testing.T) {
	h := newHarness(t)
	h.call("PUT", payments1, document, "If-Match: "+wire.IfMatch(1)).problem(wire.CodePreconditionFailed)
	h.call("PUT", payments1, document, "If-None-Match: *").want(201)
	h.call("PUT", payments1, document, "If-None-Match: *").problem(wire.CodePreconditionFailed)

	replacement := `{"address": "10.0.0.8", "port": 80}`
	h.call("PUT", payments1, replacement, "If-Match: "+wire.IfMatch(9)).problem(wire.CodePreconditionFailed)
	h.call("PUT", payments1, replacement, "If-Match: "+wire.IfMatch(1)).want(200)
	h.call("DELETE", payments1, "", "If-Match: "+wire.IfMatch(1)).problem(wire.CodePreconditionFailed)
	h.call("DELETE", payments1, "", "If-Match: "+wire.IfMatch(2)).want(200)
}

func TestAConditionThatIsNotUnderstoodIsNotIgnored(t *testing.T) {
	h := newHarness(t)
	defer h.unchanged()()
	for _, headers := range [][]string{
		{"If-Match: 1"}, {`If-Match: "1`}, {"If-Match: *"}, {`If-Match: W/"1"`}, {`If-Match: "1", "2"`}, {`If-Match: "0"`},
		{`If-Match: "-1"`}, {`If-Match: ""`}, {`If-Match:`}, {`If-Match: "99999999999999999999"`},
		{`If-Match: "1"`, `If-Match: "2"`},
		{"If-None-Match: 1"}, {`If-None-Match: "1"`}, {"If-None-Match:"}, {"If-None-Match: *", "If-None-Match: *"},
		{`If-Match: "1"`, "If-None-Match: *"},
	} {
		h.call("PUT", payments1, document, headers...).about(wire.CodeInvalidRequest, "Match")
	}
}

func TestAWriteWithoutConditionsRefusesThem(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	for _, header := range []string{`If-Match: "1"`, "If-None-Match: *"} {
		h.call("PUT", payments1+"/health", `{"status": "healthy"}`, header).problem(wire.CodeInvalidRequest)
		h.call("PUT", payments1+"/maintenance", `{"enabled": true}`, header).problem(wire.CodeInvalidRequest)
		h.call("POST", "/v1/batch", `{"operations": []}`, header).problem(wire.CodeInvalidRequest)
	}
	h.call("DELETE", payments1, "", "If-None-Match: *").problem(wire.CodeInvalidRequest)
}
