package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/musterhq/muster/breaker"
)

func Example() {
	b := breaker.New(3, 30*time.Second)
	for range 5 {
		err := b.Call(func() error { return errors.New("connection refused") })
		fmt.Println(errors.Is(err, breaker.ErrOpen), b.State())
	}
	// Output:
	// false closed
	// false closed
	// false open
	// true open
	// true open
}

func ExampleDo() {
	b := breaker.New(5, 30*time.Second)
	answer, err := breaker.Do(b, func() (int, error) { return 42, nil })
	fmt.Println(answer, err)
	// Output: 42 <nil>
}

func ExampleDoContext() {
	b := breaker.New(1, 30*time.Second)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := breaker.DoContext(ctx, b, func(ctx context.Context) (string, error) {
		cancel() // the user has closed the page
		return "", errors.New("use of closed network connection")
	})
	fmt.Println(err)
	fmt.Println(b.State()) // the callee is not to blame
	// Output:
	// use of closed network connection
	// closed
}

func ExampleNewWith() {
	c := breaker.DefaultConfig()
	c.Name = "payments/p1"
	c.SlowCall, c.SlowRate = 2*time.Second, 0.8
	c.OnStateChange = func(e breaker.Event) {
		fmt.Printf("%s: %v, was %v: %s\n", e.Name, e.To, e.From, e.Reason)
	}
	b, err := breaker.NewWith(c)
	if err != nil {
		log.Fatal(err)
	}
	for range 10 {
		_ = b.Call(func() error { return io.ErrUnexpectedEOF })
	}
	// Output: payments/p1: open, was closed: failures in a row
}

// The call ends when the response's body has been read, not when its header is there.
func ExampleBreaker_Allow() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	b := breaker.New(5, 30*time.Second)

	permit, err := b.Allow()
	if err != nil {
		log.Fatal(err)
	}
	defer permit.Report(breaker.Failure) // does nothing once the permit has been used
	response, err := http.Get(server.URL)
	if err != nil {
		permit.Done(err)
		log.Fatal(err)
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	switch {
	case err != nil:
		permit.Done(err)
	case response.StatusCode >= 500:
		permit.Report(breaker.Failure)
	default:
		fmt.Println(permit.Report(breaker.Success)) // 404 is an answer: the callee is well
	}
	// Output: true
}

func ExampleGroup() {
	g, err := breaker.NewGroup(breaker.DefaultGroupConfig())
	if err != nil {
		log.Fatal(err)
	}
	for range 10 {
		_ = g.Instance("payments", "p1").Call(func() error { return errors.New("connection refused") })
	}
	for _, id := range []string{"p1", "p2"} {
		fmt.Println(id, g.Instance("payments", id).Ready())
	}
	// Output:
	// p1 false
	// p2 true
}
