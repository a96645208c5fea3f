// Command hello is a small service that registers itself with Muster: a model for programs in any language, since all
// it needs of the registry is plain HTTP.
//
//	go run ./cmd/muster dev                 # in one terminal: a registry
//	go run ./examples/hello                 # in another: the service, as often as you like
//	go run ./cmd/muster discover hello      # in a third: who is there
//
// It listens on a free port, answers GET / and GET /health, registers with the first node that answers and deregisters
// on Ctrl-C or SIGTERM, before it stops to answer: so no client is sent to a service that is gone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/musterhq/muster/registry"
)

// stopWithin is how long deregistering and the last answers may take.
const stopWithin = 10 * time.Second

func main() {
	name := flag.String("name", "hello", "name of the service")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on, at which clients reach it too")
	nodes := flag.String("muster", "http://127.0.0.1:7300,http://127.0.0.1:7310,http://127.0.0.1:7320", "nodes of the registry")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *name, *listen, strings.Split(*nodes, ","))
	stop()
	if err != nil {
		slog.Error("hello ends", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and is registered while it does.
func run(ctx context.Context, name, listen string, nodes []string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	instance := instanceAt(name, listener.Addr().(*net.TCPAddr))
	server := &http.Server{Handler: handler(instance), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	slog.Info("hello serves", "id", instance.ID, "url", "http://"+listener.Addr().String())

	muster := musterAt(nodes)
	if err := muster.register(ctx, instance); err != nil && ctx.Err() == nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(muster.deregister(ending, instance), server.Shutdown(ending))
}

// instanceAt says where clients reach this process.
func instanceAt(name string, addr *net.TCPAddr) registry.Instance {
	return registry.Instance{
		Service: name,
		ID:      fmt.Sprintf("%s-%d", name, addr.Port),
		Address: addr.IP.String(),
		Port:    addr.Port,
		Tags:    []string{"example"},
	}
}

func handler(i registry.Instance) http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "Hello from %s\n", i.ID)
	})
	routes.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "well")
	})
	return routes
}
