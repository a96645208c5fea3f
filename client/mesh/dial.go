package mesh

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"
)

// dialer is the type of http.Transport's dial functions.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// towards returns a copy of base whose connections all lead to address, and are among the open ones as long as they last.
// Proxies are for the world outside: a call to an instance never goes by one.
func towards(base *http.Transport, address string, open *openConns) *http.Transport {
	t := base.Clone()
	t.Proxy = nil
	if t.TLSClientConfig != nil { // each copy appends to its list of protocols, and they must not share the room for it
		t.TLSClientConfig.NextProtos = slices.Clip(t.TLSClientConfig.NextProtos)
	}
	dial := dialer(base.DialContext)
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return open.add(c)
	}
	if dialTLS := base.DialTLSContext; dialTLS != nil {
		t.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialTLS(ctx, network, address)
		}
	}
	if t.TLSNextProto == nil {
		t.ForceAttemptHTTP2 = true // which net/http stops by itself for dial functions that it does not know
	}
	return t
}

// newBase is the base of a transport that names none: much as net/http's default, but it gives an instance that does not
// answer a dial up sooner, and keeps as many connections to one as its calls need: all the calls of a service share few
// instances.
func newBase() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}
