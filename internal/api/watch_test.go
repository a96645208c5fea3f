package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// script is a transport that answers one try after the other, so that a watch can be followed in virtual time.
type script struct {
	tries []func() (*http.Response, error)
	asked []string // the addresses with their queries
	at    []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	n := len(s.asked)
	s.asked = append(s.asked, r.URL.Host+"?"+r.URL.RawQuery)
	s.at = append(s.at, time.Now())
	if accept := r.Header.Get("Accept"); accept != wire.TypeNDJSON {
		return nil, fmt.Errorf("it accepts %q", accept)
	}
	if n >= len(s.tries) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	response, err := s.tries[n]()
	if err == nil {
		context.AfterFunc(r.Context(), func() { _ = response.Body.Close() }) // as net/http does
	}
	return response, err
}

// sends answers with lines, and ends as end says: nil is an end in good order.
func sends(end error, lines ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		body := strings.NewReader(strings.Join(lines, "\n") + "\n")
		return &http.Response{
			StatusCode: 200, Header: http.Header{"Muster-Cluster": {"C1"}},
			Body: io.NopCloser(io.MultiReader(body, failingReader{end})),
		}, nil
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// goesSilent sends lines and then nothing, for as long as it is listened to.
func goesSilent(lines ...string) func() (*http.Response, error) {
	return drips(0, func(yield func(string) bool) {
		for _, line := range lines {
			if !yield(line + "\n") {
				return
			}
		}
	})
}

// drips sends parts of a stream with a pause before each, and then nothing.
func drips(pause time.Duration, parts iter.Seq[string]) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		from, to := io.Pipe()
		go func() {
			for part := range parts {
				time.Sleep(pause)
				if _, err := io.WriteString(to, part); err != nil {
					return
				}
			}
		}()
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: from}, nil
	}
}

func refuses(code wire.Code) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		body := fmt.Sprintf(`{"type": "about:blank", "status": %d, "code": %q, "detail": "said so"}`, code.Status(), code)
		return &http.Response{StatusCode: code.Status(), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

const (
	snapshot4  = `{"event":"snapshot","id":4,"data":{"index":4,"service":"payments","instances":[]}}`
	delta5     = `{"event":"delta","id":5,"data":{"index":5,"service":"payments","upserted":[],"removed":["p1"]}}`
	unfinished = `{"event":"delta","data":{"index":6,"service":"payments","upserted":[],"removed":["p2"]}}`
)

// followed is what came of a watch of payments on three nodes that follow the script, of which so many events were taken.
type followed struct {
	*script
	events []string
	lost   []Interruption
	err    error
}

func follow(t *testing.T, most int, tries ...func() (*http.Response, error)) *followed {
	t.Helper()
	f := &followed{script: &script{tries: tries}}
	synctest.Test(t, func(t *testing.T) {
		c := client(t, "http://n1", "http://n2", "http://n3")
		c.http.Transport = f.script
		lost := func(i Interruption) { f.lost = append(f.lost, i) }
		for e, err := range Follow(t.Context(), c, Watching{Services: []string{"payments"}}, lost) {
			if err != nil {
				f.err = err
				break
			}
			id := uint64(0)
			if e.ID != nil {
				id = *e.ID
			}
			if f.events = append(f.events, fmt.Sprintf("%s %d", e.Event, id)); len(f.events) == most {
				break
			}
		}
		time.Sleep(time.Minute) // in which all that drips finds out that nobody listens
	})
	return f
}

func TestAWatchGoesOnAtTheNextNodeFromTheLastID(t *testing.T) {
	f := follow(t, 5, sends(errors.New("reset"), snapshot4, unfinished), sends(nil, delta5), sends(nil, delta5, delta5))
	if diff := cmp.Diff([]string{"snapshot 4", "delta 0", "delta 5", "delta 5", "delta 5"}, f.events); diff != "" || f.err != nil {
		t.Errorf("%v (-want +got):\n%s", f.err, diff)
	}
	if diff := cmp.Diff([]string{
		"n1?service=payments", "n2?cluster=C1&index=4&service=payments", "n3?cluster=C1&index=5&service=payments",
	}, f.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if len(f.lost) != 2 || f.lost[0].Next != "http://n2" || !strings.Contains(f.lost[0].Err.Error(), "n1") || !strings.Contains(f.lost[1].Err.Error(), "has ended") {
		t.Errorf("told of the interruptions %+v", f.lost)
	}
}

func TestAWatchBeginsOnTheFirstNodeThatAnswers(t *testing.T) {
	f := follow(t, 1, refuses(wire.CodeNotReady), sends(nil, snapshot4))
	if len(f.events) != 1 || f.err != nil || len(f.lost) != 0 {
		t.Errorf("events %v, error %v, interruptions %v", f.events, f.err, f.lost)
	}
}

func TestAWatchThatNoNodeBeginsFailsAndOneThatHasBegunDoesNot(t *testing.T) {
	none := refuses(wire.CodeNotReady)
	if f := follow(t, 1, none, none, none, sends(nil, snapshot4)); !errors.Is(f.err, fault.ErrNotReady) {
		t.Errorf("error %v", f.err)
	}
	tries := slices.Concat([]func() (*http.Response, error){sends(nil, snapshot4)}, slices.Repeat([]func() (*http.Response, error){none}, 60))
	f := follow(t, 3, append(tries, sends(nil, delta5), sends(nil, delta5))...)
	if len(f.events) != 3 || f.err != nil {
		t.Fatalf("events %v, error %v", f.events, f.err)
	}
	if took := f.at[4].Sub(f.at[0]); took > 5*firstPause {
		t.Errorf("it took %s to ask all nodes once", took)
	}
	if last := f.at[61].Sub(f.at[41]); last < 5*time.Second || last > 20*maxPause {
		t.Errorf("the last twenty tries took %s", last)
	}
	if pause := f.at[62].Sub(f.at[61]); pause > firstPause {
		t.Errorf("a node that was just there is missed for %s", pause)
	}
}

// Nodes, or what stands before them, may begin each watch and end it at once. They are not asked twenty times a second for that.
func TestWatchesThatDoNotLastAreOpenedEverMoreSlowly(t *testing.T) {
	brief := slices.Repeat([]func() (*http.Response, error){sends(nil, delta5)}, 60)
	long := drips(lasted, slices.Values([]string{delta5 + "\n", delta5 + "\n", "<html>\n"}))
	f := follow(t, 64, append(brief, long, sends(nil, delta5), sends(nil, delta5))...)
	if len(f.events) != 64 || f.err != nil {
		t.Fatalf("events %v, error %v", f.events, f.err)
	}
	if took := f.at[3].Sub(f.at[0]); took > 4*firstPause {
		t.Errorf("it took %s to ask all nodes once", took)
	}
	if last := f.at[60].Sub(f.at[40]); last < 5*time.Second || last > 20*maxPause {
		t.Errorf("the last twenty took %s", last)
	}
	if pause := f.at[61].Sub(f.at[60]); pause > 3*lasted+firstPause {
		t.Errorf("after one that lasted the next is opened %s later", pause)
	}
}

func TestAWatchThatNoNodeWillEverTakeEnds(t *testing.T) {
	if f := follow(t, 1, refuses(wire.CodeInvalidRequest)); len(f.asked) != 1 || wire.CodeOf(f.err) != wire.CodeInvalidRequest {
		t.Errorf("asked %v, error %v", f.asked, f.err)
	}
	f := follow(t, 2, sends(nil, snapshot4), refuses(wire.CodeConflict))
	if len(f.asked) != 2 || !errors.Is(f.err, fault.ErrConflict) {
		t.Errorf("asked %v, error %v", f.asked, f.err)
	}
}

func TestANodeThatSaysNothingIsGivenUp(t *testing.T) {
	for _, said := range [][]string{{snapshot4}, {}} {
		f := follow(t, len(said)+1, goesSilent(said...), sends(nil, delta5))
		if len(f.events) != len(said)+1 || f.err != nil {
			t.Fatalf("events %v, error %v", f.events, f.err)
		}
		if waited := f.at[1].Sub(f.at[0]); waited < watchIdle || waited > watchIdle+2*time.Second {
			t.Errorf("it was listened to for %s", waited)
		}
	}
}

// Single bytes without end are worse than silence: somebody has to give up on them.
func TestANodeThatNeverGetsToTheEndOfALineIsGivenUp(t *testing.T) {
	endless := func(yield func(string) bool) {
		for yield(snapshot4 + "\n") {
			for range 1000 {
				if !yield(" ") {
					return
				}
			}
		}
	}
	f := follow(t, 2, drips(time.Second, endless), sends(nil, delta5))
	if len(f.events) != 2 || f.err != nil || len(f.asked) != 2 {
		t.Fatalf("events %v, error %v, asked %v", f.events, f.err, f.asked)
	}
	if waited := f.at[1].Sub(f.at[0]); waited < watchIdle || waited > watchIdle+3*time.Second {
		t.Errorf("it was listened to for %s", waited)
	}
}

// A link may be slow, and a service large. That the node is alive is seen from what comes meanwhile, events and large parts of them.
func TestANodeThatGetsOnIsListenedTo(t *testing.T) {
	large := strings.Repeat(" ", 5*eventPart) + snapshot4 + "\n"
	bookmark := `{"event":"bookmark","id":9,"data":{"index":9}}` + "\n"
	parts := func(yield func(string) bool) {
		for part := range slices.Chunk([]byte(large), eventPart) {
			if !yield(string(part)) {
				return
			}
		}
		for yield(bookmark) {
		}
	}
	f := follow(t, 5, drips(15*time.Second, parts))
	if len(f.events) != 5 || f.err != nil || len(f.asked) != 1 {
		t.Errorf("events %v, error %v, asked %v, interruptions %v", f.events, f.err, f.asked, f.lost)
	}
}

func TestTheTimeThatAConsumerTakesIsNotTheNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, "http://n1")
		c.http.Transport = &script{tries: []func() (*http.Response, error){goesSilent(snapshot4, delta5)}}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		taken := 0
		for _, err := range Follow(ctx, c, Watching{All: true}, func(i Interruption) { t.Errorf("%+v", i) }) {
			if taken++; err != nil || taken == 2 {
				break
			}
			time.Sleep(time.Hour)
		}
		if taken != 2 {
			t.Errorf("%d events were taken", taken)
		}
	})
}

func TestAnEventThatWasCutOffIsNotTaken(t *testing.T) {
	half := func() (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(snapshot4 + "\n" + delta5))}, nil
	}
	f := follow(t, 2, half, sends(nil, delta5))
	if diff := cmp.Diff([]string{"snapshot 4", "delta 5"}, f.events); diff != "" || len(f.asked) != 2 {
		t.Errorf("asked %v (-want +got):\n%s", f.asked, diff)
	}
}

func TestWhatIsNoEventIsNotTaken(t *testing.T) {
	for _, line := range []string{"<html>", "{}", `{"event": 7}`, ""} {
		f := follow(t, 1, sends(nil, line), sends(nil, line), sends(nil, line))
		if f.err == nil || !strings.Contains(f.err.Error(), "is it a muster node?") || len(f.asked) != 3 {
			t.Errorf("%q: asked %v, error %v", line, f.asked, f.err)
		}
	}
}

func TestAWatchEndsWithoutAnErrorWhenItIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, "http://n1")
		c.http.Transport = &script{tries: []func() (*http.Response, error){sends(nil, snapshot4)}}
		ctx, interrupt := context.WithTimeout(t.Context(), time.Second)
		defer interrupt()
		for e, err := range Follow(ctx, c, Watching{All: true}, func(Interruption) {}) {
			if err != nil || *e.ID != 4 {
				t.Errorf("event %+v, error %v", e, err)
			}
		}
	})
}
