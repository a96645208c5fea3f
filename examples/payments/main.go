// Command payments is a small service that others call by its name: a model for a server that comes and goes without
// failing a call.
//
//	go run ./cmd/muster dev                 # in one terminal: a registry
//	go run ./examples/payments              # in another, as often as you like: all of them are instances of one service
//	go run ./examples/shop                  # in a third: who calls it
//	curl -X POST http://127.0.0.1:8080/buy  # in a fourth
//
// Three things make it a member of the mesh: it registers, and the SDK keeps it registered; mesh.Handler continues the traces
// of its callers and tells them how much it has to do; and it drains before it stops. Each span is a line on standard output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/client/mesh"
	"github.com/musterhq/muster/examples/spans"
	"github.com/musterhq/muster/registry"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on, at which clients reach it too")
	nodes := flag.String("muster", "http://127.0.0.1:7300,http://127.0.0.1:7310,http://127.0.0.1:7320", "nodes of the registry")
	drain := flag.Duration("drain", 10*time.Second, "how long to wait, at most, until no client calls this instance any more")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, strings.Split(*nodes, ","), *drain)
	stop()
	if err != nil {
		slog.Error("payments ends", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then until nobody calls any more.
func run(ctx context.Context, listen string, nodes []string, drain time.Duration) (err error) {
	muster, err := client.New(client.Config{Addrs: nodes, Logger: slog.Default()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, muster.Close()) }()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	traces := spans.To(os.Stdout, "payments")
	server := &http.Server{Handler: handler(listener.Addr().String(), traces), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	at := listener.Addr().(*net.TCPAddr)
	payments, err := muster.Register(ctx, registry.Instance{Service: "payments", Address: at.IP.String(), Port: at.Port})
	if err != nil {
		return errors.Join(err, server.Close())
	}
	slog.Info("payments serves", "id", payments.Instance().ID, "url", "http://"+at.String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := payments.Drain(ending); err != nil {
		slog.Warn("somebody may not have noticed that this instance goes", "error", err)
	}
	// Whatever comes now was sent before, and is still answered.
	answering, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(answering), traces.Shutdown(answering))
}

// charge is what payments answers.
type charge struct {
	By string `json:"charged_by"` // the address of the instance
}

func handler(address string, traces trace.TracerProvider) http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("POST /charge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(charge{By: address}) // to a caller who has gone, if it fails
	})
	return mesh.Handler(routes, mesh.WithTracerProvider(traces))
}
