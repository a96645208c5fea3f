package mesh

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// frame is a frame of HTTP/2, RFC 9113 section 4.1.
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	f := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return append(binary.BigEndian.AppendUint32(append(f, flags), stream), payload...)
}

// The frames that these tests need.
const (
	frameData, frameHeaders, frameReset, frameSettings, frameAway byte = 0, 1, 3, 4, 7
	endStream, ack                                                byte = 1, 1
	endHeaders                                                    byte = 4
)

func reset(stream uint32, code byte) []byte { return frame(frameReset, 0, stream, 0, 0, 0, code) }
func away(last byte) []byte                 { return frame(frameAway, 0, 0, 0, 0, 0, last, 0, 0, 0, 0) }

// multiplexed adds an instance that speaks just enough HTTP/2: for each request it writes what answer returns, once the
// request is complete, and closes the connection after nothing.
func (w *town) multiplexed(answer func(stream uint32) []byte) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.EnableHTTP2 = true
	certificate.StartTLS()
	w.t.Cleanup(certificate.Close)
	config := certificate.TLS.Clone()
	config.NextProtos = []string{"h2"}
	w.raw(func(raw net.Conn) {
		c := tls.Server(raw, config)
		defer c.Close()
		preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		if _, err := io.ReadFull(c, preface); err != nil {
			return
		}
		_, _ = c.Write(frame(frameSettings, 0, 0))
		for {
			head := make([]byte, 9)
			if _, err := io.ReadFull(c, head); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head)>>8)); err != nil {
				return
			}
			kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
			switch {
			case kind == frameSettings && flags&ack == 0:
				_, _ = c.Write(frame(frameSettings, ack, 0))
			case (kind == frameHeaders || kind == frameData) && flags&endStream != 0:
				says := answer(stream)
				if says == nil {
					return
				}
				_, _ = c.Write(says)
			}
		}
	})
}

// secured is for servers with test certificates.
func secured() Option {
	return WithBase(&http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // of a test
		ForceAttemptHTTP2: true,
	})
}

// TestAPostThatHTTP2SaysWasNotHandledGoesElsewhere has an instance that has answered one request on a connection, and does
// something else to each later one.
func TestAPostThatHTTP2SaysWasNotHandledGoesElsewhere(t *testing.T) {
	const refusedStream, internal, cancel = 7, 2, 8
	for name, c := range map[string]struct {
		later func(stream uint32) []byte
		again bool
	}{
		"GOAWAY after an earlier stream": {func(stream uint32) []byte { return away(byte(stream) - 2) }, true},
		"REFUSED_STREAM":                 {func(stream uint32) []byte { return reset(stream, refusedStream) }, true},
		"the end of the connection":      {func(uint32) []byte { return nil }, false},
		"INTERNAL_ERROR":                 {func(stream uint32) []byte { return reset(stream, internal) }, false},
		"CANCEL":                         {func(stream uint32) []byte { return reset(stream, cancel) }, false},
	} {
		for _, content := range []string{"", "ten"} {
			t.Run(name+", body "+content, func(t *testing.T) {
				w := newTown(t)
				var refusing, others atomic.Int64
				w.multiplexed(func(stream uint32) []byte {
					refusing.Add(1)
					if stream == 1 {
						return frame(frameHeaders, endHeaders|endStream, 1, 0x88) // :status 200 in HPACK's static table
					}
					return c.later(stream)
				})
				client := w.client(secured(), WithTryTimeout(5*time.Second))
				send := func() (*http.Response, error) {
					return postTo(t, client, "https://payments/charge", strings.NewReader(content))
				}
				r, err := send()
				want(t, r, err, 200, "")
				if r.ProtoMajor != 2 {
					t.Fatal(r.Proto)
				}
				other := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					others.Add(1)
					body, _ := io.ReadAll(r.Body)
					_, _ = rw.Write(body)
				}))
				t.Cleanup(other.Close)
				w.register(other.Listener.Addr().String())
				began := time.Now()
				for range 20 { // whose turn it is
					if refusing.Load() > 1 {
						break
					}
					if r, err = send(); err == nil {
						want(t, r, err, 200, content)
					} else if c.again {
						t.Error(err)
					}
				}
				if refusing.Load() != 2 {
					t.Fatalf("the instance got %d requests", refusing.Load())
				}
				if !c.again && err == nil {
					t.Error("what may have been handled was sent again")
				}
				if d := time.Since(began); d > 4*time.Second {
					t.Errorf("it took %v", d)
				}
			})
		}
	}
}
