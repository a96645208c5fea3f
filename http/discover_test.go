package http

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// fleet registers a service whose instances differ in all that can be asked for.
func fleet(t *testing.T) *harness {
	h := newHarness(t)
	h.put("payments", "c", `{"address": "10.0.0.3", "port": 80, "zone": "b", "tags": ["v1"]}`)
	h.put("payments", "a", `{"address": "10.0.0.1", "port": 80, "zone": "a", "tags": ["v1", "canary"], "metadata": {"x": "1", "y": ""}}`)
	h.put("payments", "b", `{"address": "10.0.0.2", "port": 80, "zone": "a", "tags": ["v2", "canary"], "metadata": {"x": "2"}}`)
	h.put("payments", "sick", `{"address": "10.0.0.4", "port": 80, "zone": "a"}`)
	h.put("payments", "away", `{"address": "10.0.0.5", "port": 80, "zone": "a"}`)
	h.put("payments", "new", `{"address": "10.0.0.6", "port": 80, "checks": [{"type": "tcp"}]}`)
	h.call("PUT", "/v1/services/payments/instances/sick/health", `{"status": "unhealthy"}`).want(200)
	h.call("PUT", "/v1/services/payments/instances/away/maintenance", `{"enabled": true}`).want(200)
	return h
}

func TestDiscoveryAnswersWhatWasAskedFor(t *testing.T) {
	h := fleet(t)
	for query, want := range map[string][]string{
		"":                                     {"a", "b", "c"},
		"?status=healthy":                      {"a", "b", "c"},
		"?status=unhealthy":                    {"sick"},
		"?status=unknown":                      {"new"},
		"?status=any":                          {"a", "away", "b", "c", "new", "sick"},
		"?zone=a":                              {"a", "b"},
		"?zone=nowhere":                        {},
		"?tag=canary":                          {"a", "b"},
		"?tag=canary&tag=v1":                   {"a"},
		"?meta.x=2":                            {"b"},
		"?meta.x=1&meta.y=":                    {"a"},
		"?meta.y=2":                            {},
		"?filter=zone+==+%22b%22":              {"c"},
		"?status=any&zone=a&tag=v2":            {"b"},
		"?filter=metadata.x+==+%221%22&zone=a": {"a"},
	} {
		r := h.call("GET", "/v1/services/payments"+query, "").want(200)
		got := decoded[wire.Discovered](r)
		ids := []string{}
		for _, i := range got.Instances {
			ids = append(ids, i.ID)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
		if got.Service != "payments" || got.Index != 8 {
			t.Errorf("%s: %s at %d", query, got.Service, got.Index)
		}
	}
}

func TestADiscoveryOfNobodyIsAnEmptyListAndNotNull(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.call("PUT", payments1+"/maintenance", `{"enabled": true}`).want(200)
	if got := h.call("GET", "/v1/services/payments", "").want(200).Body.String(); got != `{"index":2,"service":"payments","instances":[]}`+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestAServiceIsThereAsLongAsItHasInstances(t *testing.T) {
	h := newHarness(t)
	h.call("GET", "/v1/services/payments", "").about(wire.CodeServiceNotFound, "payments")
	h.register("payments", "payments-1")
	h.call("GET", "/v1/services/payments", "").want(200)
	h.call("DELETE", payments1, "").want(200)
	h.call("GET", "/v1/services/payments", "").problem(wire.CodeServiceNotFound)
}

func TestTheHeaderHasTheIndexOfTheStateAndTheBodyThatOfTheService(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.register("orders", "orders-1")
	r := h.call("GET", "/v1/services/payments", "").want(200)
	if got := decoded[wire.Discovered](r).Index; got != 1 {
		t.Errorf("the service's index is %d, want 1", got)
	}
	if got := r.Header().Get(wire.HeaderIndex); got != "2" {
		t.Errorf("the state's index is %s, want 2", got)
	}
}

func TestAPlainDiscoveryIsEncodedOnceUntilSomethingChanges(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	const stored = `{"stored": "before"}`
	h.node.State().Service("payments").Encoded(func(*registry.Service) []byte { return []byte(stored) })

	h.register("orders", "orders-1")
	if got := h.call("GET", "/v1/services/payments", "").want(200).Body.String(); got != stored {
		t.Errorf("encoded again though the service had not changed: %s", got)
	}
	if got := h.call("GET", "/v1/services/payments?status=any", "").want(200).Body.String(); got == stored {
		t.Error("another question got the plain answer")
	}
	h.call("PUT", payments1+"/health", `{"status": "healthy", "output": "fine"}`).want(200)
	if got := h.call("GET", "/v1/services/payments", "").want(200).Body.String(); !strings.Contains(got, "fine") {
		t.Errorf("not encoded again though the service had changed: %s", got)
	}
}

func TestAParameterThatIsNotUnderstoodIsNotIgnored(t *testing.T) {
	h := fleet(t)
	for query, word := range map[string]string{
		"staus=any":                      "staus",
		"index=-1":                       "index",
		"passing":                        "passing",
		"Status=any":                     "Status",
		"zone=a&zone=b":                  "zone",
		"zone=":                          "zone",
		"tag=":                           "tag",
		"meta.=x":                        "meta.",
		"meta.x=1&meta.x=2":              "meta.x",
		"meta=x":                         "meta",
		"status=sick":                    "status",
		"status=warning":                 "status",
		"filter=zone+=+a":                "filter",
		"filter=nosuch+==+1":             "filter",
		"max_stale=2":                    "max_stale",
		"max_stale=-2s":                  "max_stale",
		"min_index=-1":                   "min_index",
		"min_index=abc":                  "min_index",
		"min_index=18446744073709551616": "min_index",
		"min_index=1&wait=soon":          "wait",
		"wait=1s":                        "min_index",
		"consistency=strong":             "consistency",
		"consistency=":                   "consistency",
		"a=%zz":                          "query",
		"a;b":                            "query",
	} {
		h.call("GET", "/v1/services/payments?"+query, "").about(wire.CodeInvalidRequest, word)
	}
	h.call("GET", "/v1/services?status=any", "").about(wire.CodeInvalidRequest, "status")
	h.call("GET", payments1+"?zone=a", "").about(wire.CodeInvalidRequest, "zone")
}

func TestAWriteHasNoParameters(t *testing.T) {
	h := fleet(t)
	defer h.unchanged()()
	h.call("PUT", payments1+"?force=true", document).about(wire.CodeInvalidRequest, "force")
	h.call("POST", "/v1/services/payments/instances?x", document).about(wire.CodeInvalidRequest, "x")
	h.call("DELETE", "/v1/services/payments/instances/a?force=true", "").about(wire.CodeInvalidRequest, "force")
	h.call("PUT", "/v1/services/payments/instances/a/health?x=1", `{"status": "healthy"}`).about(wire.CodeInvalidRequest, "x")
	h.call("POST", "/v1/batch?dry=1", batchOf(register2)).about(wire.CodeInvalidRequest, "dry")
}
