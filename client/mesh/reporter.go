package mesh

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// reporter is a response writer that says with the headers how much the server has to do. It does everything that the one
// below can do: what old code asks for by type is here, and http.ResponseController finds the rest.
type reporter struct {
	http.ResponseWriter
	load *workload
	code int // 0 until the headers are written
}

// Unwrap is for http.ResponseController.
func (w *reporter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *reporter) WriteHeader(code int) {
	if code >= http.StatusOK || code == http.StatusSwitchingProtocols { // others only announce what will come
		w.sayWith(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *reporter) Write(p []byte) (int, error) {
	w.say()
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets files go to the connection by the shortest way.
func (w *reporter) ReadFrom(r io.Reader) (int64, error) {
	w.say()
	return io.Copy(w.ResponseWriter, r)
}

// Flush is for those who ask for an http.Flusher.
func (w *reporter) Flush() { _ = w.FlushError() } // as the method without an error has it

// FlushError sends what is written so far.
func (w *reporter) FlushError() error {
	w.say()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is for those who ask for an http.Hijacker. What they say on the connection is theirs.
func (w *reporter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// say sets the headers of an answer that names no status, which is 200.
func (w *reporter) say() { w.sayWith(http.StatusOK) }

func (w *reporter) sayWith(code int) {
	if w.code != 0 {
		return
	}
	w.code = code
	if h := w.Header(); len(h[loadHeader]) == 0 { // a service that knows better has said it
		h.Set(loadHeader, w.load.report().String())
	}
}

// status is the status that the client got; 0 where a panic came before it.
func (w *reporter) status(returned bool) int {
	if returned && w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
