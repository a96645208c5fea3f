package wire

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// contract is the list of codes as the contract gives it.
var contract = map[Code]int{
	"invalid_request": 400, "unauthorized": 401, "forbidden": 403,
	"not_found": 404, "service_not_found": 404, "instance_not_found": 404, "node_not_found": 404,
	"method_not_allowed": 405, "conflict": 409, "precondition_failed": 412, "too_large": 413,
	"unsupported_media_type": 415, "rate_limited": 429, "internal": 500,
	"not_ready": 503, "no_leader": 503, "too_stale": 503, "overloaded": 503,
	"index_not_reached": 504, "timeout": 504, "disk_full": 507,
}

func TestTheTableHasTheCodesOfTheContractAndNoOthers(t *testing.T) {
	seen := make(map[Code]bool)
	for _, m := range meanings {
		if seen[m.code] {
			t.Errorf("%s stands in the table twice", m.code)
		}
		seen[m.code] = true
		if want, ok := contract[m.code]; !ok || m.status != want {
			t.Errorf("%s has status %d; the contract says %d", m.code, m.status, want)
		}
		if m.title == "" || m.err == nil {
			t.Errorf("%s lacks a title or an error", m.code)
		}
	}
	for code := range contract {
		if !seen[code] {
			t.Errorf("%s is missing", code)
		}
	}
}

func TestEachErrorHasACodeOfItsOwn(t *testing.T) {
	for _, m := range meanings {
		if got := CodeOf(fmt.Errorf("while testing: %w", m.err)); got != m.code {
			t.Errorf("%v has code %s, want %s", m.err, got, m.code)
		}
	}
}

func TestOnlyWhatMayPassIsRetryable(t *testing.T) {
	for code, status := range contract {
		passing := status == 429 || status == 503 || status == 504
		if code.Retryable() != passing {
			t.Errorf("%s (%d): retryable is %t", code, status, code.Retryable())
		}
	}
}

func TestTheEndOfAContextIsATimeout(t *testing.T) {
	for _, err := range []error{context.DeadlineExceeded, fmt.Errorf("waiting: %w", context.Canceled)} {
		if got := CodeOf(err); got != CodeTimeout {
			t.Errorf("%v has code %s, want %s", err, got, CodeTimeout)
		}
	}
}

func TestAnErrorOfNoKnownKindIsInternal(t *testing.T) {
	if got := CodeOf(errors.New("disk on fire")); got != CodeInternal {
		t.Errorf("got %s, want %s", got, CodeInternal)
	}
}

func TestACodeOfANewerVersionIsCarriedThrough(t *testing.T) {
	const code = Code("quota_exceeded")
	if code.Err() != nil || code.Retryable() || code.Status() != 500 || code.Title() != string(code) {
		t.Errorf("an unknown code means something: %v, %d, %q", code.Err(), code.Status(), code.Title())
	}
}
