package health

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func TestANewInstanceIsAskedAtOnceAndThenAtItsInterval(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		time.Sleep(3 * time.Second)
		y.apply(checked("web-1"))
		if asked, answers := y.sleep(0); len(asked) != 1 || answers[0].Judgement != registry.Healthy || !answers[0].Differs() {
			t.Fatalf("asked %v, %+v", asked, answers)
		}
		y.report("web-1", registry.Healthy)
		questions, answers := y.sleep(2 * time.Minute)
		if n := len(questions); n < 11 || n > 12 {
			t.Fatalf("asked %d times in two minutes", n)
		}
		if first := questions[0].at - 3*time.Second; first < 5*time.Second || first > 15*time.Second {
			t.Errorf("asked again after %s", first)
		}
		for n := range len(questions) - 1 {
			if gap := questions[n+1].at - questions[n].at; gap != 10*time.Second {
				t.Errorf("asked again after %s", gap)
			}
		}
		if answers[0].Differs() {
			t.Errorf("%+v differs", answers[0])
		}
	})
}

// Ten thousand that are registered at once are asked steadily from the beginning on.
func TestAStormOfRegistrationsMakesNoSpike(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(many(10_000)...)
		for second := range 12 {
			asked, _ := y.sleep(time.Second)
			if n := len(asked); n < 700 || n > 1150 {
				t.Errorf("asked %d times in second %d", n, second)
			}
		}
		if y.most > 100 {
			t.Errorf("%d were asked at the same time", y.most)
		}
	})
}

func TestARestartAsksAtTheSameTimesAgain(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		times := func() (of map[string]time.Duration) {
			of = map[string]time.Duration{}
			questions, _ := y.sleep(10 * time.Second)
			for _, a := range questions {
				of[a.id] = a.at % (10 * time.Second)
			}
			return of
		}
		y.apply(many(100)...)
		y.sleep(time.Minute)
		before := times()
		y.restart(3333 * time.Millisecond)
		y.sleep(time.Minute)
		if diff := cmp.Diff(before, times()); diff != "" || len(before) != 100 {
			t.Errorf("of %d checks, times are others (-before +after):\n%s", len(before), diff)
		}
	})
}

// What another node has asked until now is known already, and asked when it would have been.
func TestWhatChangesHandsIsAskedWithinItsInterval(t *testing.T) {
	mine := false
	inYard(t, RoundsConfig{Share: func(_, id string) bool { return mine && id != "web-7" }}, func(y *yard) {
		y.apply(many(100)...)
		for k := range 100 {
			y.report("web-"+strconv.Itoa(k), registry.Healthy)
		}
		if asked, _ := y.sleep(time.Minute); len(asked) > 0 {
			t.Fatalf("asked %v of another's share", asked)
		}
		mine = true
		y.rounds.Reshare()
		if asked, _ := y.sleep(20 * time.Millisecond); len(asked) > 5 {
			t.Errorf("%d are asked at once", len(asked))
		}
		questions, _ := y.sleep(10*time.Second - 20*time.Millisecond)
		if n := len(questions); n < 90 || n > 99 || slices.ContainsFunc(questions, func(q asked) bool { return q.id == "web-7" }) {
			t.Errorf("asked %d times", n)
		}
		mine = false
		y.rounds.Reshare()
		if asked, _ := y.sleep(time.Minute); len(asked) > 0 || y.rounds.Stats().Checks != 0 {
			t.Errorf("asked %v, which is another's again", asked)
		}
	})
}

func TestThreeBadAnswersAreHeardOfUntilTheStateShowsThem(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(checked("web-1"))
		y.report("web-1", registry.Healthy)
		y.answer("web-1", probe.Silent, 2*time.Second)
		var differ []bool
		for range 6 {
			_, answers := y.sleep(10 * time.Second)
			for _, a := range answers {
				differ = append(differ, a.Differs())
			}
		}
		if !slices.Equal(differ[:5], []bool{false, false, true, true, true}) {
			t.Errorf("they differ: %v", differ)
		}
		y.report("web-1", registry.Unhealthy)
		if _, answers := y.sleep(20 * time.Second); answers[0].Differs() || answers[0].Run < 6 {
			t.Errorf("%+v differs", answers[0])
		}
		y.report("web-1", registry.Healthy) // by hand
		if _, answers := y.sleep(10 * time.Second); !answers[0].Differs() {
			t.Error("what somebody reports by hand is not contradicted")
		}
	})
}

func TestAnInstanceThatMovesIsAskedAtOnceAndKeepsItsCheckOtherwise(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(checked("web-1"))
		y.report("web-1", registry.Healthy)
		y.answer("web-1", probe.Failed, 0)
		y.sleep(20 * time.Second) // two of three

		y.apply(checked("web-1", func(i *registry.Instance) { i.Tags = []string{"v2"} }))
		asked, _ := y.sleep(0)
		_, answers := y.sleep(10 * time.Second)
		if len(asked) != 0 || len(answers) != 1 || answers[0].Judgement != registry.Unhealthy || answers[0].Instance.Tags == nil {
			t.Errorf("after a tag, asked %v, then %+v", asked, answers)
		}

		y.apply(checked("web-1", func(i *registry.Instance) { i.Port = 81 }))
		asked, answers = y.sleep(0)
		if len(asked) != 1 || answers[0].Target.Port != 81 || answers[0].Judgement != registry.Healthy {
			t.Errorf("after a move, asked %v: %+v", asked, answers)
		}

		y.apply(checked("web-1", func(i *registry.Instance) { i.Port = 81; i.Checks[0].Path = "/other" }))
		asked, answers = y.sleep(10 * time.Millisecond) // which is the pace
		if len(asked) != 1 || answers[0].Target.Check.Path != "/other" || answers[0].Judgement != registry.Unhealthy {
			t.Errorf("after another question, asked %v: %+v", asked, answers)
		}

		y.apply(registry.Deregister{Service: "web", ID: "web-1"})
		if asked, _ = y.sleep(time.Minute); len(asked) > 0 || y.rounds.Stats().Checks != 0 {
			t.Errorf("asked %v, which is gone", asked)
		}
	})
}

func TestAnAnswerThatComesLateOfWhatIsGoneIsNotHeard(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.answer("web-1", probe.Failed, 2*time.Second)
		y.apply(checked("web-1"))
		y.sleep(time.Second)
		y.apply(registry.Deregister{Service: "web", ID: "web-1"})
		if _, answers := y.sleep(10 * time.Second); len(answers) > 0 {
			t.Errorf("heard %+v", answers)
		}
	})
}

func TestAnotherStateKeepsWhatItSharesAndForgetsTheRest(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(many(3)...)
		y.sleep(time.Minute)
		edit := y.state.Edit()
		if _, err := edit.Apply(99, registry.Deregister{Service: "web", ID: "web-1"}); err != nil {
			t.Fatal(err)
		}
		y.rounds.Replaced(edit.Commit())
		asked, _ := y.sleep(0)
		if len(asked) != 0 || y.rounds.Stats().Checks != 2 {
			t.Errorf("asked %v at once of %+v", asked, y.rounds.Stats())
		}
		if asked, _ = y.sleep(10 * time.Second); len(asked) != 2 {
			t.Errorf("asked %v", asked)
		}
	})
}

// Instances that never answer take their places, and no more: the others are asked as always.
func TestTheSilentKeepNobodyWaiting(t *testing.T) {
	inYard(t, RoundsConfig{AtOnce: 16}, func(y *yard) {
		y.apply(many(200)...)
		for k := range 100 {
			y.answer("web-"+strconv.Itoa(k), probe.Silent, 2*time.Second)
		}
		y.sleep(time.Minute)
		asked, _ := y.sleep(time.Minute)
		silent, others := 0, 0
		for _, a := range asked {
			if n, _ := strconv.Atoi(strings.TrimPrefix(a.id, "web-")); n < 100 {
				silent++
			} else {
				others++
			}
		}
		if others < 580 {
			t.Errorf("those that answer were asked %d times, not 600", others)
		}
		if silent < 200 { // 8 places of 2 s each make 240 in a minute
			t.Errorf("those that are silent were asked %d times", silent)
		}
		if y.most > 16 {
			t.Errorf("%d were asked at the same time", y.most)
		}
	})
}

func TestACheckThatTakesItsWholeIntervalIsAskedAgainAtOnce(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(checked("web-1", func(i *registry.Instance) { i.Checks[0].Timeout = registry.Duration(10 * time.Second) }))
		y.answer("web-1", probe.Silent, 10*time.Second+time.Millisecond)
		y.sleep(30 * time.Second)
		if asked, _ := y.sleep(time.Minute); len(asked) < 5 {
			t.Errorf("asked %d times in a minute", len(asked))
		}
	})
}

func TestAProcessThatWakesUpDoesNotAskEverybodyAtOnce(t *testing.T) {
	r := NewRounds(RoundsConfig{})
	edit := registry.NewState().Edit()
	for n, op := range append(many(1000), checked("rare", func(i *registry.Instance) { i.Checks[0].Interval = registry.Duration(time.Hour) })) {
		if _, err := edit.Apply(uint64(n+1), op); err != nil {
			t.Fatal(err)
		}
	}
	r.Applied(edit.ChangesFrom(0))
	r.callDue(r.now() + 2*time.Hour)
	if n := r.lanes.waiting(); n != 1 || r.lanes.queues[quick].first.target.ID != "rare" {
		t.Errorf("%d are asked at once", n)
	}
}

func TestNobodyIsAskedWhileNothingIsDue(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(checked("web-1", func(i *registry.Instance) { i.Checks[0].Interval = registry.Duration(time.Hour) }))
		if asked, _ := y.sleep(10 * time.Minute); len(asked) != 1 {
			t.Errorf("asked %v", asked)
		}
		y.apply(checked("web-2", func(i *registry.Instance) { i.Checks = nil }))
		if asked, _ := y.sleep(10 * time.Minute); len(asked) != 0 {
			t.Errorf("asked %v", asked)
		}
	})
}

// What is kept in discovery against the answers is to be looked at again with every good one.
func TestWhatTheStateShowsAgainstTheAnswersDiffers(t *testing.T) {
	for name, c := range map[string]struct {
		answer Answer
		want   bool
	}{
		"the same":        {Answer{Judgement: registry.Healthy, Shown: registry.Healthy}, false},
		"another":         {Answer{Judgement: registry.Unhealthy, Shown: registry.Healthy}, true},
		"preserved":       {Answer{Judgement: registry.Warning, Shown: registry.Warning, Preserved: true}, true},
		"not yet judged":  {Answer{Judgement: registry.Unknown, Shown: registry.Healthy}, false},
		"not yet showing": {Answer{Judgement: registry.Healthy, Shown: registry.Unknown}, true},
	} {
		if got := c.answer.Differs(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhatTheStateForgetsTheFirstAnswerDecides(t *testing.T) {
	inYard(t, RoundsConfig{}, func(y *yard) {
		y.apply(checked("web-1"))
		y.report("web-1", registry.Healthy)
		y.sleep(time.Minute)
		y.answer("web-1", probe.Failed, 0)
		y.report("web-1", registry.Unknown)
		if _, answers := y.sleep(10 * time.Second); len(answers) != 1 || answers[0].Judgement != registry.Unhealthy {
			t.Errorf("%+v", answers)
		}
	})
}

func TestNothingIsLeftOfWhatIsGone(t *testing.T) {
	inYard(t, RoundsConfig{AtOnce: 4}, func(y *yard) {
		y.apply(many(50)...)
		y.sleep(20 * time.Second)
		for k := range 25 {
			y.answer("web-"+strconv.Itoa(k), probe.Silent, 2*time.Second)
		}
		y.sleep(10 * time.Second) // some are being asked, and some wait
		y.apply(checked("new"))
		for k := range 50 {
			y.apply(registry.Deregister{Service: "web", ID: "web-" + strconv.Itoa(k)})
		}
		y.apply(registry.Deregister{Service: "web", ID: "new"})
		r := y.rounds
		if len(r.subjects)+len(r.schedule.rounds) > 0 { // which may not be due for hours
			t.Errorf("left are %d instances and %d checks in the schedule", len(r.subjects), len(r.schedule.rounds))
		}
		y.sleep(time.Minute)
		if s := r.Stats(); s != (Stats{}) || len(r.subjects)+len(r.schedule.rounds)+len(r.fresh) > 0 {
			t.Errorf("a minute later %d instances, %d due checks and %d new ones: %+v", len(r.subjects), len(r.schedule.rounds), len(r.fresh), s)
		}
	})
}

func TestAnAnswerSaysWhetherTheCheckIsPreserved(t *testing.T) {
	mine := true
	inYard(t, RoundsConfig{Share: func(string, string) bool { return mine }}, func(y *yard) {
		y.apply(checked("web-1"))
		i, err := y.state.Instance("web", "web-1")
		if err != nil {
			t.Fatal(err)
		}
		judge := func(status registry.Status, preserved bool) {
			y.apply(registry.JudgeCheck{Service: "web", ID: "web-1", Incarnation: i.Incarnation, Check: "http",
				Report: registry.Report{Status: status, Output: "as decided"}, Preserved: preserved})
		}
		y.sleep(20 * time.Second)
		judge(registry.Warning, true)
		for range 2 { // the second time by rounds that have begun with what the state shows
			_, answers := y.sleep(10 * time.Second)
			if a := answers[0]; !a.Preserved || a.Shown != registry.Warning || !a.Differs() {
				t.Errorf("it is not preserved: %+v", a)
			}
			if c := answers[0].Target.Check; c.Status != "" || c.Output != "" || c.Preserved {
				t.Errorf("the question has an answer: %+v", c)
			}
			mine = false
			y.rounds.Reshare()
			mine = true
			y.rounds.Reshare()
		}
		judge(registry.Healthy, false)
		if _, answers := y.sleep(10 * time.Second); answers[0].Preserved || answers[0].Differs() {
			t.Errorf("it is preserved still: %+v", answers[0])
		}
	})
}

func TestWhenACheckIsAskedNext(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		at, now time.Duration
		early   bool
		want    time.Duration
	}{
		"answered in time":                    {13_000 * ms, 13_100 * ms, false, 23_000 * ms},
		"answered after its turn has come":    {13_000 * ms, 27_000 * ms, false, 23_000 * ms},
		"answered half an interval too late":  {13_000 * ms, 28_000 * ms, false, 23_000 * ms},
		"answered far too late":               {13_000 * ms, 28_001 * ms, false, 33_000 * ms},
		"not of its phase, which is far away": {4_000 * ms, 4_100 * ms, true, 13_000 * ms},
		"not of its phase, which is close":    {12_000 * ms, 12_100 * ms, true, 23_000 * ms},
	} {
		of := round{at: c.at, early: c.early, phase: 3 * time.Second}
		of.target.Check.Interval = registry.Duration(10 * time.Second)
		if got := of.following(c.now); got != c.want {
			t.Errorf("%s: asked again at %s, want %s", name, got, c.want)
		}
	}
}

func TestEachLaneLeavesPlacesToTheOther(t *testing.T) {
	for atOnce, want := range map[int][3]int{1: {1, 1, 1}, 4: {3, 2, 4}, 16: {12, 8, 16}, 1024: {768, 512, 1024}} {
		var got [3]int
		for n, waiting := range [][]lane{{quick}, {slow}, {quick, slow}} {
			l := lanes{atOnce: atOnce}
			for _, of := range waiting {
				for range 2 * atOnce {
					l.put(&round{lane: of})
				}
			}
			for l.next() != nil {
				got[n]++
			}
		}
		if got != want {
			t.Errorf("of %d places the quick, the slow and both together take %v, want %v", atOnce, got, want)
		}
	}
}
