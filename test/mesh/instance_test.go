package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/client/mesh"
	"github.com/musterhq/muster/registry"
)

// service is the name under which all instances are registered.
const service = "payments"

// headerPayment carries the id of a POST.
const headerPayment = "Payment-Id"

// instanceJob is what an instance is told.
type instanceJob struct {
	Nodes []string
	TTL   time.Duration
	Drain time.Duration // at most
}

// word is what an instance says: where it serves, once it is registered; and which payment it begins to handle.
type word struct {
	ID      string `json:",omitzero"`
	Address string `json:",omitzero"`
	Payment string `json:",omitzero"`
}

// instance is a service as one would write it: it registers, serves, and on SIGTERM drains and shuts down. It never sleeps.
type instance struct {
	registration *client.Registration

	mu  sync.Mutex
	out *json.Encoder
}

// serve is the role of an instance.
func serve(in *json.Decoder, out *json.Encoder) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var job instanceJob
	if err := in.Decode(&job); err != nil {
		return err
	}
	muster, err := client.New(client.Config{Addrs: job.Nodes})
	if err != nil {
		return err
	}
	defer muster.Close()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	i := &instance{out: out}
	server := &http.Server{Handler: i.routes(), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	at := listener.Addr().(*net.TCPAddr)
	i.registration, err = muster.Register(ctx, registry.Instance{Service: service, Address: at.IP.String(), Port: at.Port},
		client.WithTTL(job.TTL), client.WithDeregisterAfter(time.Minute))
	if err != nil {
		return err
	}
	i.say(word{ID: i.registration.Instance().ID, Address: at.String()})
	<-ctx.Done()

	if err := i.drain(job.Drain); err != nil {
		return err
	}
	if err := server.Shutdown(context.Background()); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// drain returns when everybody who watches has confirmed that this instance is gone. A node that was started again a
// short time ago can't know whether somebody watched before, and says so; that only such nodes stand in the way is as good.
func (i *instance) drain(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := i.registration.Drain(ctx)
	if open, ok := errors.AsType[*client.DrainError](err); ok && open.Confirmed > 0 {
		for _, name := range open.Unconfirmed {
			if !strings.HasPrefix(name, "node:") {
				return err
			}
		}
		return nil
	}
	return err
}

func (i *instance) say(w word) {
	i.mu.Lock()
	defer i.mu.Unlock()
	_ = i.out.Encode(w) // whoever does not listen is gone, and so will this be
}

func (i *instance) routes() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /balance", func(http.ResponseWriter, *http.Request) { work() })
	routes.HandleFunc("POST /charge", func(_ http.ResponseWriter, r *http.Request) {
		i.say(word{Payment: r.Header.Get(headerPayment)}) // before it is done: a payment that is cut off has begun
		work()
	})
	all := http.NewServeMux()
	all.Handle("/", mesh.Handler(routes))
	all.HandleFunc("GET /heartbeat", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(i.registration.Status().LastHeartbeat) // to a test that has gone, if not
	})
	return all
}

// work is what a call takes.
func work() { time.Sleep(time.Duration(20+rand.IntN(40)) * time.Millisecond) }
