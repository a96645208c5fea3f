package mesh

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// serve has a request take that long, and returns what is reported with its answer.
func (w *workload) serve(d time.Duration, failed bool) time.Duration {
	w.begin()
	time.Sleep(d)
	report := w.report()
	w.end(failed)
	return report.Latency
}

func requireAbout(t *testing.T, got, want time.Duration) {
	t.Helper()
	if math.Abs(float64(got-want)) > 0.25*float64(want) {
		t.Errorf("a new request may expect %v, want about %v", got, want)
	}
}

func TestAServerReportsHowLongItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workload
		requireAbout(t, w.serve(10*time.Millisecond, false), 10*time.Millisecond) // the first knows nothing but itself
		for range 50 {
			w.serve(10*time.Millisecond, false)
		}
		requireAbout(t, w.serve(10*time.Millisecond, false), 10*time.Millisecond)
		for range 10 {
			w.serve(100*time.Millisecond, false)
		}
		requireAbout(t, w.serve(100*time.Millisecond, false), 100*time.Millisecond)
		time.Sleep(time.Hour)
		requireAbout(t, w.serve(100*time.Millisecond, false), 100*time.Millisecond)
	})
}

// Of eight at once, each takes as long as if it were alone.
func TestRequestsAtOnceDoNotMakeAServerSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workload
		for i := range 20 {
			for range 7 {
				w.begin()
			}
			got := w.serve(40*time.Millisecond, false)
			if i > 5 { // at first, it has seen many begin and few end
				requireAbout(t, got, 40*time.Millisecond)
			}
			for range 7 {
				w.end(false)
			}
		}
	})
}

// What waits has something to say before it is answered.
func TestASlowDownIsReportedBeforeTheFirstSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workload
		for range 50 {
			w.serve(10*time.Millisecond, false)
		}
		for range 4 {
			w.begin()
			defer w.end(false)
		}
		time.Sleep(200 * time.Millisecond)
		if got := w.report().Latency; got < 50*time.Millisecond {
			t.Errorf("with four that wait for 200ms, a new request may expect %v", got)
		}
	})
}

// Linkerd and others that go by latency alone send most calls to whoever fails first.
func TestAServerThatFailsAtOnceDoesNotPromiseToBeQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w workload
		for range 100 {
			w.serve(40*time.Millisecond, false)
		}
		for range 100 {
			w.serve(time.Microsecond, true)
			w.serve(40*time.Millisecond, false)
		}
		requireAbout(t, w.serve(40*time.Millisecond, false), 40*time.Millisecond)
	})
}
