package roster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestNobodyWaitsForAWatchWhoseOwnerHasEndedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := old()
		broken := join(t, r, "a", "payments")
		broken.Leave()
		a := join(t, r, "a", "payments", "orders")
		confirm(t, join(t, r, "b", "payments"), 7)
		settled := make(chan Standing, 1)
		go func() { settled <- r.Standing(context.Background(), "payments", 7, nil) }()
		synctest.Wait()
		if err := r.End(a.ID()); err != nil {
			t.Fatal(err)
		}
		want(t, <-settled, Standing{Confirmed: 1})
		a.Leave() // its connection breaks off after that
		want(t, now(r, 9), Standing{Pending: []string{"b"}})
		if r.places != 1 || r.absences.Len() != 0 || len(r.audiences) != 1 {
			t.Errorf("%d places are taken, %d absences remembered, %d audiences kept", r.places, r.absences.Len(), len(r.audiences))
		}
	})
}

func TestAWatchThatIsNotHereCantBeEnded(t *testing.T) {
	r := old()
	a := join(t, r, "a", "payments")
	a.Leave()
	if err := r.End(a.ID()); !errors.Is(err, ErrUnknown) {
		t.Errorf("error %v", err)
	}
	want(t, now(r, 1), Standing{Lost: []string{"a"}})
}
