package onlooker

import (
	"net/http"
	"testing"
)

// Crowd is the onlookers of one test, who end with it.
type Crowd struct {
	t      testing.TB
	client *http.Client
}

// NewCrowd makes a crowd of nobody.
func NewCrowd(t testing.TB) *Crowd {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &Crowd{t: t, client: &http.Client{Transport: transport}}
}
