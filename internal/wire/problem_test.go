package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// across sends a problem over the wire.
func across(t *testing.T, p *Problem) *Problem {
	t.Helper()
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return ReadProblem(p.Status, body)
}

func TestAnErrorIsTheSameOnBothSidesOfTheWire(t *testing.T) {
	for _, m := range meanings {
		sent := fmt.Errorf("%w: in this case", m.err)
		got := error(across(t, ProblemOf(sent)))
		for _, other := range meanings {
			if is := errors.Is(got, other.err); is != (other.code == m.code) {
				t.Errorf("%s: after the wire, errors.Is(%v) is %t", m.code, other.err, is)
			}
		}
		if !strings.Contains(got.Error(), sent.Error()) {
			t.Errorf("%s: %q has lost the detail %q", m.code, got, sent)
		}
		if fault.IsUnknown(got) {
			t.Errorf("%s: the outcome of a read is unknown", m.code)
		}
	}
}

func TestTheOutcomeOfAWriteIsTheSameOnBothSidesOfTheWire(t *testing.T) {
	applied := across(t, WriteProblemOf(fault.ErrNoLeader))
	if applied.Outcome != NotApplied || fault.IsUnknown(applied) {
		t.Errorf("a write that was not applied arrives as %q", applied.Outcome)
	}
	lost := across(t, WriteProblemOf(fault.Unknown(fault.ErrTimeout)))
	if lost.Outcome != OutcomeUnknown || !fault.IsUnknown(lost) {
		t.Errorf("a write of unknown outcome arrives as %q", lost.Outcome)
	}
	if !errors.Is(lost, fault.ErrTimeout) {
		t.Errorf("%v is no longer a time-out", lost)
	}
}

func TestAProblemFromTheLeaderPassesThroughAFollower(t *testing.T) {
	leader := across(t, WriteProblemOf(fault.Unknown(fault.ErrOverloaded)))
	follower := WriteProblemOf(fmt.Errorf("asking the leader: %w", leader))
	if diff := cmp.Diff(leader, follower); diff != "" {
		t.Errorf("the follower changed it (-leader +follower):\n%s", diff)
	}
}

func TestAFailedBatchNamesThePosition(t *testing.T) {
	err := &registry.OperationError{Position: 0, Err: &registry.InvalidError{Field: "port", Reason: "is missing"}}
	p := across(t, WriteProblemOf(err))
	if p.Position == nil || *p.Position != 0 {
		t.Errorf("the position is %v, want 0", p.Position)
	}
	if p.Code != CodeInvalidRequest || !strings.Contains(p.Detail, "operation 0: port") {
		t.Errorf("got %s: %s", p.Code, p.Detail)
	}
}

func TestAnInternalErrorKeepsItsSecrets(t *testing.T) {
	p := ProblemOf(errors.New("open /var/lib/muster/raft.db: input/output error"))
	if p.Code != CodeInternal || strings.Contains(p.Detail, "raft.db") {
		t.Errorf("got %s: %s", p.Code, p.Detail)
	}
}

func TestAnAnswerFromAProxyIsNoProblemOfOurs(t *testing.T) {
	p := ReadProblem(404, []byte("<html>\n  <body>no \xffsuch   page</body></html>"))
	if errors.Is(p, registry.ErrServiceNotFound) || errors.Is(p, registry.ErrCheckNotFound) {
		t.Errorf("a proxy's 404 is taken for an answer of the registry: %v", p)
	}
	if p.Status != 404 || p.Detail != "<html> <body>no such page</body></html>" {
		t.Errorf("got status %d, detail %q", p.Status, p.Detail)
	}
	if !fault.IsUnknown(p) {
		t.Error("the outcome is said to be known, though no node spoke of it")
	}
	if long := ReadProblem(502, []byte(strings.Repeat("é", 1000))); len(long.Detail) > 210 {
		t.Errorf("an excerpt of %d bytes", len(long.Detail))
	}
}

func TestAProblemTakesTheStatusOfItsAnswer(t *testing.T) {
	p := ReadProblem(503, []byte(`{"code": "no_leader"}`))
	if p.Status != 503 || p.Error() != "No leader" {
		t.Errorf("got status %d, %q", p.Status, p.Error())
	}
}

func FuzzReadProblem(f *testing.F) {
	f.Add(503, []byte(`{"code":"no_leader","detail":"x","outcome":"unknown","position":3}`))
	f.Add(502, []byte("Bad Gateway"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		p := ReadProblem(status, body)
		if p.Status != status {
			t.Errorf("status %d became %d", status, p.Status)
		}
		_ = p.Error()
		if p.Code != "" && CodeOf(p) != p.Code {
			t.Errorf("code %q became %q", p.Code, CodeOf(p))
		}
	})
}
