package herd

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// slice is how finely the calls of the herd are counted.
const slice = 100 * time.Millisecond

// counts are calls by when they were made, in slices since the epoch, for all clients of a process.
type counts struct {
	mu       sync.Mutex
	Answered map[int64]int // by a node in the end, whatever it said
	Writes   map[int64]int // of these: registrations
	InVain   map[int64]int // nobody answered
}

func newCounts() *counts {
	return &counts{Answered: map[int64]int{}, Writes: map[int64]int{}, InVain: map[int64]int{}}
}

// counting is the transport of one client.
type counting struct {
	*http.Transport
	in *counts
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	at := time.Now().UnixNano() / int64(slice)
	response, err := c.Transport.RoundTrip(r)
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if err != nil {
		c.in.InVain[at]++
		return response, err
	}
	c.in.Answered[at]++
	if r.Method == http.MethodPut || strings.HasSuffix(r.URL.Path, "/batch") {
		c.in.Writes[at]++
	}
	return response, err
}

// add adds what other processes have counted.
func (c *counts) add(other *counts) {
	for at, n := range other.Answered {
		c.Answered[at] += n
	}
	for at, n := range other.Writes {
		c.Writes[at] += n
	}
	for at, n := range other.InVain {
		c.InVain[at] += n
	}
}

// peak is the most calls in a slice between two moments, and all of them.
func peak(calls map[int64]int, from, to time.Time) (most, all int) {
	for at, n := range calls {
		if at*int64(slice) >= from.UnixNano() && at*int64(slice) < to.UnixNano() {
			most, all = max(most, n), all+n
		}
	}
	return most, all
}
