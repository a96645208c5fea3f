package http

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A key that is taken and not kept would be worse than none.
func TestAnIdempotencyKeyIsRefusedRatherThanIgnored(t *testing.T) {
	api := testAPI(t)
	before := api.node.State()
	r := httptest.NewRequest("PUT", payments1, strings.NewReader(`{"address": "10.0.0.7", "port": 8080}`))
	r.Header.Set("Idempotency-Key", "k1")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "not_applied") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if api.node.State() != before {
		t.Error("it was applied all the same")
	}
}
