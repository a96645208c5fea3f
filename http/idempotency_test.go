package http

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// withKeys sends a request with the keys, each in a header of its own.
func withKeys(api *api, method, path, body string, keys ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header["Idempotency-Key"] = keys
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

func TestTheKeyGoesWithTheWrite(t *testing.T) {
	api := testAPI(t)
	withKeys(api, "PUT", payments1, `{"address": "10.0.0.7", "port": 8080}`, "k1")
	withKeys(api, "PUT", payments1, `{"address": "10.0.0.7", "port": 8080}`)
	node := api.node.(*soloNode)
	if len(node.keys) != 2 || node.keys[0] != "k1" || node.keys[1] != "" {
		t.Errorf("the keys are %q", node.keys)
	}
}

// A key that is taken and not kept would be worse than none.
func TestAKeyThatCantBeKeptIsRefused(t *testing.T) {
	for name, keys := range map[string][]string{
		"empty":            {""},
		"too long":         {strings.Repeat("k", 65)},
		"with a space":     {"k 1"},
		"not ASCII":        {"kä"},
		"two of them":      {"k1", "k1"},
		"a control letter": {"k\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			api := testAPI(t)
			before := api.node.State()
			w := withKeys(api, "PUT", payments1, `{"address": "10.0.0.7", "port": 8080}`, keys...)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "not_applied") || !strings.Contains(w.Body.String(), "Idempotency-Key") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if api.node.State() != before {
				t.Error("it was applied all the same")
			}
		})
	}
	for method, path := range map[string]string{"POST": "/v1/cluster/leadership", "PUT": "/v1/cluster/snapshot", "DELETE": "/v1/cluster/nodes/n2"} {
		t.Run(method+" "+path, func(t *testing.T) {
			api := testAPI(t)
			if w := withKeys(api, method, path, "", "k1"); w.Code != http.StatusBadRequest || len(api.node.(*soloNode).asked) > 0 {
				t.Errorf("%d %s; asked of the node: %q", w.Code, w.Body, api.node.(*soloNode).asked)
			}
		})
	}
}

func TestARefusalOfTheStateHasAnIndex(t *testing.T) {
	api := testAPI(t)
	w := withKeys(api, "DELETE", payments1, "", "k1")
	if w.Code != http.StatusNotFound || w.Header().Get("Muster-Index") != "1" {
		t.Errorf("%d at %q", w.Code, w.Header().Get("Muster-Index"))
	}
}
