package policies

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/musterhq/muster/client/mesh"
)

// workers is how many calls a server works on at once. The others wait in a queue, first come, first served.
const workers = 8

// serverJob is what a server is told.
type serverJob struct {
	Mean time.Duration // of serving a call, where nothing slows it down
	Part part
}

// serve is the role of a server. It says its address, is told its job, and serves until its input ends.
func serve(in *json.Decoder, out *json.Encoder) error {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := out.Encode(listener.Addr().(*net.TCPAddr).AddrPort()); err != nil {
		return err
	}
	var job serverJob
	if err := in.Decode(&job); err != nil {
		return err
	}
	server := &http.Server{Handler: mesh.Handler(worker(job)), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := in.Decode(new(any)); err != io.EOF {
		return err
	}
	err = server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return err
}

// worker takes an exponentially distributed time for each call, in which it does nothing: the machine is shared by all.
func worker(job serverJob) http.Handler {
	busy := make(chan struct{}, workers) // whoever waits to send is served in order
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if job.Part.fails(time.Now()) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		busy <- struct{}{}
		time.Sleep(time.Duration(rand.ExpFloat64() * float64(job.Mean) * job.Part.factor(time.Now())))
		<-busy
	})
}
