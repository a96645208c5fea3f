package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// pointing answers, and names a leader.
func pointing(leader *string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(wire.HeaderLeader, *leader)
		answering(w, r)
	}
}

func do[T any](t *testing.T, c *Client, call Call[T]) {
	t.Helper()
	if _, err := Do(t.Context(), c, call); err != nil {
		t.Fatal(err)
	}
}

func TestWritesGoToTheLeaderAndReadsStayWhereTheyAre(t *testing.T) {
	hint := ""
	first, leader := serve(t, pointing(&hint)), serve(t, pointing(&hint))
	hint = leader.url
	c := client(t, first.url)
	do(t, c, Services(Query{}))
	for range 5 {
		do(t, c, Deregister("payments", "p1", 0))
		do(t, c, Services(Query{}))
	}
	if first.asked.Load() != 6 || leader.asked.Load() != 5 {
		t.Errorf("the first node was asked %d times, the leader %d times", first.asked.Load(), leader.asked.Load())
	}
}

// A node may be wrong about who leads: that costs one try, and not one for each write.
func TestAHintThatLeadsNowhereIsNotFollowedAgainAtOnce(t *testing.T) {
	hint := unreachable(t)
	first := serve(t, pointing(&hint))
	c := client(t, first.url)
	do(t, c, Services(Query{}))
	for range 5 {
		do(t, c, Deregister("payments", "p1", 0))
	}
	if c.nodes.leader != "" || first.asked.Load() != 6 {
		t.Errorf("the leader is taken to be %q; the node was asked %d times", c.nodes.leader, first.asked.Load())
	}
}

func TestAHintThatWouldLeaveTLSOrIsNoAddressIsNotFollowed(t *testing.T) {
	for _, hint := range []string{"https://n2:7300", "ftp://n2", "n2 n3", "http://n2:7300/elsewhere", "http://user@n2:7300"} {
		first := serve(t, pointing(&hint))
		c := client(t, first.url)
		do(t, c, Services(Query{}))
		if c.nodes.count() != 1 || c.nodes.leader != "" {
			t.Errorf("%q was learned", hint)
		}
	}
}

func TestNodesAreLearnedAndForgottenButForTheGivenOnes(t *testing.T) {
	listed := []string{}
	node := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		var nodes []string
		for _, address := range listed {
			nodes = append(nodes, fmt.Sprintf(`{"http": %q}`, address))
		}
		fmt.Fprintf(w, `{"id": "C1", "nodes": [%s]}`, strings.Join(nodes, ","))
	})
	c := client(t, node.url)
	for _, now := range [][]string{{"http://n2:1", "http://n3:1", "https://n4:1"}, {"http://n3:1"}, {}} {
		listed = now
		if err := Refresh(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		want := 1
		for _, address := range now {
			if address[:5] == "http:" {
				want++
			}
		}
		if c.nodes.count() != want || c.nodes.first().String() != node.url {
			t.Errorf("after %v %d nodes are known", now, c.nodes.count())
		}
	}
}

func TestANodeOutsideOfAllClustersMakesNobodyForgotten(t *testing.T) {
	answers := `{"id": "C1", "nodes": [{"http": "http://n2:1"}]}`
	c := client(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answers) }).url)
	if err := Refresh(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, answers = range []string{`{"id": "", "nodes": []}`, `{}`, ""} {
		if err := Refresh(t.Context(), c); err == nil || c.nodes.count() != 2 {
			t.Errorf("after %q %d nodes are known, %v", answers, c.nodes.count(), err)
		}
	}
}

// A node that failed stands behind for a while that grows, and is then tried by one caller at a time.
func TestANodeThatFailedStandsBehindAndComesBackOnProbation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, "http://n1", "http://n2")
		firstAsked := func() string { return c.nodes.order(false, time.Second)[0].url.Host }
		n1 := c.nodes.given[0]
		before := time.Duration(0)
		for _, most := range []time.Duration{2 * firstBehind, 4 * firstBehind, 8 * firstBehind} {
			c.nodes.fail(n1)
			behind := time.Until(n1.until)
			if firstAsked() != "n2" || behind > most || behind < most/4 || behind <= before/8 {
				t.Fatalf("%s is asked, n1 stands behind for %s", firstAsked(), behind)
			}
			before = behind
			time.Sleep(behind)
		}
		if firstAsked() != "n1" || firstAsked() != "n2" {
			t.Error("it is not tried by one caller alone")
		}
		for range 100 {
			c.nodes.fail(n1)
		}
		if behind := time.Until(n1.until); behind > 2*mostBehind {
			t.Errorf("it stands behind for %s", behind)
		}
		c.nodes.answerOf(n1.url, "")
		if firstAsked() != "n1" {
			t.Error("it answers, and still stands behind")
		}
	})
}

func TestTheTokenStandsOnEveryCallAndGoesNowhereElse(t *testing.T) {
	var token string
	node := serve(t, func(w http.ResponseWriter, r *http.Request) {
		token = r.Header.Get("Authorization")
		answering(w, r)
	})
	c, err := NewWith(Options{Addresses: []string{node.url}, Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	do(t, c, Services(Query{}))
	if token != "Bearer secret" {
		t.Errorf("%q", token)
	}
}

func TestACallIsRetriedUntilANodeCanAnswer(t *testing.T) {
	var asked int
	var keys []string
	node := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get(wire.HeaderIdempotencyKey))
		if asked++; asked < 4 {
			failing(wire.CodeNoLeader, wire.NotApplied)(w, r)
			return
		}
		answering(w, r)
	})
	if _, err := Retry(t.Context(), client(t, node.url), Deregister("payments", "p1", 0)); err != nil || asked != 4 {
		t.Errorf("%v after %d tries", err, asked)
	}
	for _, key := range keys {
		if key == "" || key != keys[0] {
			t.Errorf("the tries have the keys %q", keys)
		}
	}
	asked = 0
	if _, err := Retry(t.Context(), client(t, node.url), RemoveNode("n2", false)); err != nil || asked != 4 {
		t.Errorf("%v after %d tries of a call that says that nothing happened", err, asked)
	}
}

func TestWhatIsNotSafeOrNoUseIsNotRetried(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{"invalid": failing(wire.CodeInvalidRequest, wire.NotApplied), "hangs up": hangingUp} {
		node := serve(t, handle)
		_, err := Retry(t.Context(), client(t, node.url), RemoveNode("n2", false))
		if err == nil || node.asked.Load() != 1 {
			t.Errorf("%s: %v after %d tries", name, err, node.asked.Load())
		}
	}
}

// Only a read asks for an index. A node that says of something else that it has not reached one talks nonsense, which ends with
// the caller's time and not with the program.
func TestAWriteThatWaitsForNoIndexDoesNotBecomeAQuestion(t *testing.T) {
	var query string
	node := serve(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		failing(wire.CodeIndexNotReached, wire.NotApplied)(w, r)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := Retry(ctx, client(t, node.url), Deregister("payments", "p1", 0))
	if wire.CodeOf(err) != wire.CodeIndexNotReached || query != "" || node.asked.Load() < 2 {
		t.Errorf("%v after %d tries, the last with %q", err, node.asked.Load(), query)
	}
}

func TestRetriesEndWithTheCallersTime(t *testing.T) {
	node := serve(t, failing(wire.CodeNotReady, ""))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := Retry(ctx, client(t, node.url), Services(Query{}))
	if wire.CodeOf(err) != wire.CodeNotReady || time.Since(began) > time.Second || node.asked.Load() < 2 {
		t.Errorf("%v after %s and %d tries", err, time.Since(began), node.asked.Load())
	}
}

// A history that a majority no longer knows of is not asked for, for ever.
func TestASessionWhoseHistoryIsGoneBeginsAnew(t *testing.T) {
	node := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(wire.HeaderCluster, "C1")
		w.Header().Set(wire.HeaderIndex, "7")
		if r.URL.Query().Has(wire.ParamMinIndex) && r.URL.Query().Get(wire.ParamMinIndex) != "7" {
			failing(wire.CodeIndexNotReached, "")(w, r)
			return
		}
		fmt.Fprint(w, `{"index": 7}`)
	})
	c, err := NewWith(Options{Addresses: []string{node.url}, Session: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Saw("C1", 100)
	for range 2 {
		if answer, err := Retry(t.Context(), c, Services(Query{})); err != nil || answer.Index != 7 {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	if node.asked.Load() != 3 {
		t.Errorf("asked %d times", node.asked.Load())
	}
}
