package mesh

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// longestWait is how long a call waits at most because an answer asks it to come back later. Who is asked for more hands
// the answer to the caller.
const longestWait = 2 * time.Second

// retryAfter reads the header Retry-After, in seconds or as a date; 0 where there is none to go by.
func retryAfter(r *http.Response) time.Duration {
	h := r.Header.Get("Retry-After")
	if h == "" {
		return 0
	}
	if s, err := strconv.Atoi(h); err == nil || errors.Is(err, strconv.ErrRange) { // then s is as far off as it can be
		return time.Duration(min(max(s, 0), 1<<30)) * time.Second
	}
	at, err := http.ParseTime(h)
	if err != nil {
		return 0
	}
	return max(0, time.Until(at))
}

const (
	firstPause   = 20 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// pauseBefore is how long to wait before the nth retry, from 1, that can't go to a fresh instance at once: longer each
// time, and spread, so that the callers of an instance that went down do not come back together.
func pauseBefore(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), longestPause)
	return d/2 + rand.N(d/2+1)
}
