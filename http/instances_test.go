package http

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

const payments1 = "/v1/services/payments/instances/payments-1"

func TestAFirstRegistrationIsCreatedAndALaterOneIsNot(t *testing.T) {
	h := newHarness(t)
	first := h.call("PUT", payments1, document).want(201)
	if got := first.Header().Get("Location"); got != payments1 {
		t.Errorf("Location %q", got)
	}
	created := decoded[registry.Instance](first)
	want := registry.Instance{
		Service: "payments", ID: "payments-1", Address: "10.0.0.7", Port: 8080, Weight: 100, Status: registry.Healthy,
		CreateIndex: 1, ModifyIndex: 1, Incarnation: 1,
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}

	again := h.call("PUT", payments1, document).want(200)
	if diff := cmp.Diff(created, decoded[registry.Instance](again)); diff != "" {
		t.Errorf("a repetition changed it (-before +after):\n%s", diff)
	}
	if got := again.Header().Get(wire.HeaderIndex); got != "2" {
		t.Errorf("the repetition committed at %s, want 2", got)
	}
	other := h.call("PUT", payments1, `{"address": "10.0.0.8", "port": 8080}`).want(200)
	if got := decoded[registry.Instance](other); got.ModifyIndex != 3 || got.CreateIndex != 1 {
		t.Errorf("a replacement has modify_index %d and create_index %d", got.ModifyIndex, got.CreateIndex)
	}
}

func TestWhatWasReadCanBeWrittenBack(t *testing.T) {
	h := newHarness(t)
	h.put("payments", "payments-1", `{"address": "10.0.0.7", "port": 8080, "zone": "eu-1a", "tags": ["v2"],
		"metadata": {"version": "2.3.1"}, "lease": {"ttl": "15s", "deregister_after": "10m"},
		"checks": [{"type": "http", "interval": "10s"}]}`)
	h.call("PUT", payments1+"/maintenance", `{"enabled": true, "reason": "deploy"}`).want(200)
	h.call("PUT", payments1+"/health", `{"check": "http", "status": "warning", "output": "slow"}`).want(200)

	read := h.call("GET", payments1, "").want(200)
	before := decoded[registry.Instance](read)
	after := decoded[registry.Instance](h.call("PUT", payments1, read.Body.String()).want(200))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("writing it back changed it (-before +after):\n%s", diff)
	}
}

func TestTheDigestStandsForTheDocumentAlone(t *testing.T) {
	h := newHarness(t)
	first := h.call("PUT", payments1, document)
	i := decoded[registry.Instance](first)
	if got, want := first.Header().Get(wire.HeaderDigest), record.Digest(&i); got != want || got == "" {
		t.Errorf("digest %q, want %q", got, want)
	}
	h.call("PUT", payments1+"/health", `{"status": "unhealthy"}`).want(200)
	again := h.call("PUT", payments1, document)
	if first.Header().Get(wire.HeaderDigest) != again.Header().Get(wire.HeaderDigest) {
		t.Error("a report changed the digest")
	}
}

func TestPostTakesTheIDFromTheBodyOrTheAddress(t *testing.T) {
	h := newHarness(t)
	for body, path := range map[string]string{
		`{"id": "a", "address": "10.0.0.7", "port": 80}`: "/v1/services/web/instances/a",
		`{"address": "10.0.0.7", "port": 80}`:            "/v1/services/web/instances/10.0.0.7:80",
		`{"address": "::1", "port": 80}`:                 "/v1/services/web/instances/::1:80",
	} {
		if got := h.call("POST", "/v1/services/web/instances", body).want(201).Header().Get("Location"); got != path {
			t.Errorf("%s is at %q, want %q", body, got, path)
		}
		h.call("GET", path, "").want(200)
	}
}

func TestPathAndBodyMustNameTheSameInstance(t *testing.T) {
	h := newHarness(t)
	defer h.unchanged()()
	h.call("PUT", payments1, `{"service": "orders", "address": "10.0.0.7", "port": 80}`).
		about(wire.CodeInvalidRequest, "service", "orders", "payments")
	h.call("PUT", payments1, `{"id": "payments-2", "address": "10.0.0.7", "port": 80}`).
		about(wire.CodeInvalidRequest, "id", "payments-2", "payments-1")
	h.call("POST", "/v1/services/payments/instances", `{"service": "orders", "address": "10.0.0.7", "port": 80}`).
		about(wire.CodeInvalidRequest, "service")
}

func TestANameMayHoldASlash(t *testing.T) {
	h := newHarness(t)
	i := h.register("team/payments", "rack/7")
	if i.Service != "team/payments" || i.ID != "rack/7" {
		t.Errorf("registered as %q %q", i.Service, i.ID)
	}
	h.call("GET", "/v1/services/team%2Fpayments", "").want(200)
	h.call("DELETE", "/v1/services/team%2fpayments/instances/rack%2f7", "").want(200)
}

func TestDeregisteringAnswersWithTheIndex(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	r := h.call("DELETE", payments1, "").want(200)
	if got := decoded[wire.Deregistered](r); got.Index != 2 || r.Header().Get(wire.HeaderIndex) != "2" {
		t.Errorf("index %d in the body, %s in the header, want 2", got.Index, r.Header().Get(wire.HeaderIndex))
	}
	h.call("GET", payments1, "").problem(wire.CodeServiceNotFound)
	again := h.call("DELETE", payments1, "").problem(wire.CodeInstanceNotFound)
	if again.Outcome != wire.NotApplied {
		t.Errorf("outcome %q", again.Outcome)
	}
}

func TestAMissingInstanceIsNotAMissingService(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-2")
	if p := h.call("GET", payments1, "").problem(wire.CodeInstanceNotFound); p.Outcome != "" {
		t.Errorf("a read has the outcome %q", p.Outcome)
	}
	h.call("GET", "/v1/services/orders/instances/a", "").problem(wire.CodeServiceNotFound)
}

func TestARegistrationThatBreaksARuleSaysWhichAndChangesNothing(t *testing.T) {
	h := newHarness(t)
	defer h.unchanged()()
	for field, body := range map[string]string{
		"address":            `{"port": 80}`,
		"port":               `{"address": "10.0.0.7"}`,
		"weight":             `{"address": "10.0.0.7", "port": 80, "weight": 65536}`,
		"tags[0]":            `{"address": "10.0.0.7", "port": 80, "tags": [""]}`,
		"lease.ttl":          `{"address": "10.0.0.7", "port": 80, "lease": {"ttl": "1ms"}}`,
		"checks[0].interval": `{"address": "10.0.0.7", "port": 80, "checks": [{"type": "tcp", "interval": "1ms"}]}`,
		"metadata":           `{"address": "10.0.0.7", "port": 80, "metadata": {"k": "\u202e"}}`,
	} {
		r := h.call("PUT", payments1, body)
		r.about(wire.CodeInvalidRequest, field)
		if p := r.asProblem(); p.Outcome != wire.NotApplied {
			t.Errorf("%s: outcome %q", field, p.Outcome)
		}
	}
}

func TestNothingInABodyIsEscapedForHTML(t *testing.T) {
	h := newHarness(t)
	body := h.call("PUT", payments1, `{"address": "10.0.0.7", "port": 80, "metadata": {"q": "a<b & c>d"}}`).want(201).Body.String()
	if want := `"a<b & c>d"`; !strings.Contains(body, want) {
		t.Errorf("%s is missing in %s", want, body)
	}
}
