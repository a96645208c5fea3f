package mesh

import (
	"net/http"

	"github.com/musterhq/muster/lb"
)

// verdictOf tells what an answer says about the instance that gave it. An instance that rejects is busy and not broken:
// 429, or 503 with the time to come back.
func verdictOf(r *http.Response) lb.Verdict {
	switch code := r.StatusCode; {
	case code == http.StatusTooManyRequests:
		return lb.Rejected
	case code == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
		return lb.Rejected
	case code == http.StatusNotImplemented || code == http.StatusHTTPVersionNotSupported:
		return lb.Success // it understood well enough what it does not do
	case code >= http.StatusInternalServerError:
		return lb.Failure
	default:
		return lb.Success
	}
}

// worthRetrying tells whether another instance may well answer better.
func worthRetrying(r *http.Response) bool {
	switch r.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
