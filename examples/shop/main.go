// Command shop is a small service that calls another one by its name: see the command payments, which it charges with.
//
//	go run ./examples/shop
//	curl -X POST http://127.0.0.1:8080/buy
//
// The one line that matters is the transport of its HTTP client: with it, http://payments/charge goes to an instance of
// payments that is well and has little to do, and elsewhere if that one is gone. No address of an instance stands anywhere,
// and once the shop has called payments it does so with the registry down, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
)

// patience is how long a customer waits.
const patience = 5 * time.Second

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	nodes := flag.String("muster", "http://127.0.0.1:7300,http://127.0.0.1:7310,http://127.0.0.1:7320", "nodes of the registry")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, strings.Split(*nodes, ","))
	stop()
	if err != nil {
		slog.Error("shop ends", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listen string, nodes []string) (err error) {
	muster, err := client.New(client.Config{Addrs: nodes, Logger: slog.Default()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, muster.Close()) }()
	traces := spans.To(os.Stdout, "shop")
	transport := mesh.NewTransport(muster, mesh.WithTracerProvider(traces))
	defer func() { err = errors.Join(err, transport.Close()) }()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(&http.Client{Transport: transport}, traces), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	slog.Info("shop serves", "url", "http://"+listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*patience)
	defer cancel()
	return errors.Join(server.Shutdown(ending), traces.Shutdown(ending))
}

func handler(services *http.Client, traces trace.TracerProvider) http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("POST /buy", func(w http.ResponseWriter, r *http.Request) {
		receipt, err := charge(r.Context(), services)
		if err != nil {
			slog.Warn("not sold", "error", err)
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(receipt) // to a customer who has gone, if it fails
	})
	return mesh.Handler(routes, mesh.WithTracerProvider(traces))
}

// charge calls payments. The context carries the trace along, and how long the customer waits.
func charge(ctx context.Context, services *http.Client) (receipt []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://payments/charge", strings.NewReader(`{"cents": 1999}`))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := services.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	receipt, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("payments answers %s: %s", response.Status, receipt)
	}
	return receipt, err
}
