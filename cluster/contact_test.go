package cluster

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestALeaderCountsSilenceFromTheLastSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c contact
		c.hear("early") // before there is a leadership
		if silence, ever := c.silence("early", 1); silence != 0 || ever {
			t.Errorf("without a leadership: %s, %v", silence, ever)
		}
		c.begin(1)
		time.Sleep(time.Minute)
		if silence, ever := c.silence("never", 1); silence != time.Minute || ever {
			t.Errorf("of whom nothing was heard: %s, %v", silence, ever)
		}
		c.answer("a", status{Label: "n1"})
		c.hear("b")
		time.Sleep(time.Second)
		for _, id := range []string{"a", "b"} {
			if silence, ever := c.silence("a", 1); silence != time.Second || !ever {
				t.Errorf("%s: %s, %v", id, silence, ever)
			}
		}
		if last, ok := c.last("a"); !ok || last.Label != "n1" || last.age() != time.Second {
			t.Errorf("the last answer: %+v, %v", last, ok)
		}
		if _, ok := c.last("b"); ok {
			t.Error("who was only heard of by gossip has answered")
		}
	})
}

func TestALeadershipCountsNothingOfAnEarlierOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c contact
		c.begin(1)
		c.answer("a", status{})
		time.Sleep(time.Hour)
		if silence, _ := c.silence("a", 2); silence != 0 {
			t.Errorf("the next leadership has not begun to count, and says %s", silence)
		}
		c.begin(2)
		time.Sleep(time.Second)
		if silence, ever := c.silence("a", 2); silence != time.Second || ever {
			t.Errorf("%s, %v", silence, ever)
		}
		if _, ok := c.last("a"); ok {
			t.Error("an answer to an earlier leadership counts")
		}
	})
}
