package http

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/wire"
)

func TestServicesAreListedInNumbers(t *testing.T) {
	h := fleet(t)
	h.register("orders", "orders-1")
	r := h.call("GET", "/v1/services", "").want(200)
	want := wire.Services{Index: 9, Services: []wire.Service{
		{Name: "orders", Instances: 1, Healthy: 1, Tags: []string{}, ModifyIndex: 9},
		{Name: "payments", Instances: 6, Healthy: 3, Tags: []string{"canary", "v1", "v2"}, ModifyIndex: 8},
	}}
	if diff := cmp.Diff(want, decoded[wire.Services](r)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if got := r.Header().Get(wire.HeaderIndex); got != "9" {
		t.Errorf("the header has index %s", got)
	}
}

func TestAnEmptyRegistryIsAnEmptyListAndNotNull(t *testing.T) {
	h := newHarness(t)
	if got := h.call("GET", "/v1/services", "").want(200).Body.String(); got != `{"index":0,"services":[]}`+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestServicesAreNarrowedToInstancesThatMatch(t *testing.T) {
	h := fleet(t)
	h.put("orders", "orders-1", `{"address": "10.0.1.1", "port": 80, "tags": ["v2"]}`)
	for query, want := range map[string][]wire.Service{
		"tag=canary": {{Name: "payments", Instances: 2, Healthy: 2, Tags: []string{"canary", "v1", "v2"}, ModifyIndex: 8}},
		"zone=a":     {{Name: "payments", Instances: 4, Healthy: 2, Tags: []string{"canary", "v1", "v2"}, ModifyIndex: 8}},
		"tag=v2": {
			{Name: "orders", Instances: 1, Healthy: 1, Tags: []string{"v2"}, ModifyIndex: 9},
			{Name: "payments", Instances: 1, Healthy: 1, Tags: []string{"canary", "v2"}, ModifyIndex: 8},
		},
		"meta.x=3":                         {},
		"filter=status+==+%22unhealthy%22": {{Name: "payments", Instances: 1, Tags: []string{}, ModifyIndex: 8}},
	} {
		got := decoded[wire.Services](h.call("GET", "/v1/services?"+query, "").want(200))
		if diff := cmp.Diff(want, got.Services); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
