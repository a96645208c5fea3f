package checks

import (
	"testing"
	"time"
)

func TestANodeThatIsCutOffLosesItsShareWhateverGossipSays(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.nodes["n3"].deaf = true
		w.mu.Unlock()
		time.Sleep(absentAfter + 2*rollInterval)
		if others := w.nodes["n1"].shares.Others("payments", "1"); len(others) != 1 {
			t.Errorf("n1 shares with %v", others)
		}
		w.mu.Lock()
		w.nodes["n3"].deaf = false
		w.mu.Unlock()
		time.Sleep(3 * rollInterval)
		if others := w.nodes["n1"].shares.Others("payments", "1"); len(others) != 2 {
			t.Errorf("n1 shares with %v after n3 is back", others)
		}
	})
}

// A process that was stopped has heard nobody meanwhile, and must not think that it is alone.
func TestAPauseOfThisProcessMakesNobodyAbsent(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		r := NewRoll(w.nodes["n1"], NewShares("n1"), nil, nil)
		r.excuse(time.Now())
		r.present(w.nodes["n1"].Neighbours(), time.Now())
		later := time.Now().Add(time.Hour)
		r.excuse(later)
		if present := r.present(w.nodes["n1"].Neighbours(), later); len(present) != 3 {
			t.Errorf("only %v are there", present)
		}
	})
}
