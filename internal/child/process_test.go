package child_test

import (
	"errors"
	"io"
	"testing"

	"github.com/musterhq/muster/internal/child"
)

func hear(t *testing.T, p *child.Process, want string) {
	t.Helper()
	var got string
	if err := p.Hear(&got); err != nil || got != want {
		t.Fatalf("the child said %q (%v), want %q", got, err, want)
	}
}

func TestAChildHearsAndSaysAndHasTheLastWord(t *testing.T) {
	p := child.Start(t, "echo")
	if err := p.Tell("hello"); err != nil {
		t.Fatal(err)
	}
	hear(t, p, "hello")
	if err := p.End(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	hear(t, p, "the end")
	if err := p.Hear(new(string)); !errors.Is(err, io.EOF) {
		t.Errorf("after its end the child said something, or %v", err)
	}
}

func TestAChildThatFailsDoesNotEndWell(t *testing.T) {
	p := child.Start(t, "echo", "GOTRACEBACK=none")
	if err := p.Tell("fail"); err != nil {
		t.Fatal(err)
	}
	if err := p.End(); err == nil {
		t.Error("it ended as if all were well")
	}
}

func TestAChildMayEndInGoodOrderOrAtOnce(t *testing.T) {
	p := child.Start(t, "waiter")
	hear(t, p, "waiting")
	if err := p.Terminate(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	hear(t, p, "asked to end")

	p = child.Start(t, "waiter")
	hear(t, p, "waiting")
	p.Kill()
	if err := p.Hear(new(string)); !errors.Is(err, io.EOF) {
		t.Errorf("a dead child said something, or %v", err)
	}
}
