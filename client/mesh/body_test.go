package mesh

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/musterhq/muster/lb"
)

func bodyOf(r io.ReadCloser, again func() (io.ReadCloser, error)) *body {
	return newBody(&http.Request{Body: r, GetBody: again})
}

func TestABodyThatNobodyReadGoesToTheNextTry(t *testing.T) {
	source := &closing{Reader: strings.NewReader("ten")}
	b := bodyOf(source, nil)
	first, _ := b.next()
	first.Close()
	if source.closed.Load() || !b.hasNext() {
		t.Fatal("it was closed with the first try")
	}
	second, ok := b.next()
	if !ok {
		t.Fatal("no second try gets it")
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, errBodyTaken) {
		t.Errorf("the first try reads on: %v", err)
	}
	if got, err := io.ReadAll(second); string(got) != "ten" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if b.hasNext() {
		t.Error("it would be sent from its end")
	}
	b.end()
	if source.closed.Load() {
		t.Error("it was closed under the hands of the second try")
	}
	second.Close()
	if !source.closed.Load() {
		t.Error("it was not closed")
	}
}

func TestABodyIsClosedWhateverHappens(t *testing.T) {
	for name, use := range map[string]func(*body){
		"no try":        func(b *body) { b.end() },
		"an unread try": func(b *body) { l, _ := b.next(); l.Close(); b.end() },
		"a late close":  func(b *body) { l, _ := b.next(); b.end(); l.Close() },
		"a read try":    func(b *body) { l, _ := b.next(); _, _ = l.Read(make([]byte, 1)); l.Close(); b.end() },
	} {
		for _, again := range []func() (io.ReadCloser, error){nil, func() (io.ReadCloser, error) { return http.NoBody, nil }} {
			source := &closing{Reader: strings.NewReader("ten")}
			use(bodyOf(source, again))
			if !source.closed.Load() {
				t.Errorf("%s, GetBody %v: it was not closed", name, again != nil)
			}
		}
	}
}

func TestGetBodyThatFailsIsNoFurtherTry(t *testing.T) {
	b := bodyOf(http.NoBody, nil)
	if !b.replays() {
		t.Error("no body can't be sent again")
	}
	b = bodyOf(&closing{Reader: strings.NewReader("ten")}, func() (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF })
	b.next()
	if _, ok := b.next(); ok {
		t.Error("there is a body")
	}
}

// TestABodyThatFailsIsNotHeldAgainstTheInstance has a caller whose reader breaks off.
func TestABodyThatFailsIsNotHeldAgainstTheInstance(t *testing.T) {
	w := newTown(t)
	w.serve(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	tr := w.transport(WithBalancer(lb.WithBreaker(oneStrike)))
	c := &http.Client{Transport: tr}
	torn := errors.New("the disk is gone")
	for range 3 {
		if _, err := post(t, c, io.MultiReader(strings.NewReader("ten"), failing{torn})); !errors.Is(err, torn) {
			t.Errorf("%v", err)
		}
	}
	r, err := post(t, c, strings.NewReader("ten"))
	want(t, r, err, 200, "")
}

// TestABodyThatIsClosedWhileItIsReadHasNotFailed: the try that read it has.
func TestABodyThatIsClosedWhileItIsReadHasNotFailed(t *testing.T) {
	source, feed := io.Pipe()
	b := bodyOf(source, nil)
	l, _ := b.next()
	read := make(chan error)
	go func() {
		_, _ = l.Read(make([]byte, 1))
		_, err := l.Read(make([]byte, 1))
		read <- err
	}()
	_, _ = feed.Write([]byte("t"))
	_ = l.Close()
	if err := <-read; err == nil || b.broke() {
		t.Errorf("%v, and it counts as broken: %v", err, b.broke())
	}
}
