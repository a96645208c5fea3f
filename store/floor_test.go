package store

import "testing"

func TestALoadedStateKnowsNoPast(t *testing.T) {
	c := opened(t, newPath(t))
	if floor := loaded(t, c).State.Floor(); floor != 0 {
		t.Errorf("the history of a state that was never saved begins at %d", floor)
	}
	mustSave(t, c, imageOf(populated(20)))
	image := loaded(t, c)
	if image.State.Floor() != image.Index || image.Index == 0 {
		t.Errorf("the state is at %d and its history begins at %d", image.Index, image.State.Floor())
	}
}
