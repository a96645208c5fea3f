package cluster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

func TestAStreamBringsAnyNumberOfBytesOrFails(t *testing.T) {
	whole := bytes.Repeat([]byte("0123456789abcdef"), maxPeerMessage/8)
	failure := errors.New("the state is in doubt")
	answering := prepare(t, "n1").open()
	answering.HandleStream("whole", func(_ context.Context, request []byte, to io.Writer) error {
		_, err := io.Copy(to, io.MultiReader(bytes.NewReader(request), bytes.NewReader(whole)))
		return err
	})
	answering.HandleStream("half", func(_ context.Context, _ []byte, to io.Writer) error {
		_, err := to.Write(whole[:len(whole)/2])
		return errors.Join(err, failure)
	})
	answering.HandleStream("none", func(context.Context, []byte, io.Writer) error { return failure })
	if err := answering.Start(); err != nil {
		t.Fatal(err)
	}
	answering.belongs()

	read := func(name string) ([]byte, error) {
		from, err := answering.Stream(soon(t), answering.RaftID(), name, []byte("please: "))
		if err != nil {
			return nil, err
		}
		got, err := io.ReadAll(from)
		return got, errors.Join(err, from.Close())
	}
	if got, err := read("whole"); err != nil || !bytes.Equal(got, append([]byte("please: "), whole...)) {
		t.Errorf("%d bytes of %d came, %v", len(got), len(whole), err)
	}
	if got, err := read("half"); err == nil {
		t.Errorf("a stream that failed half-way ended in good order after %d bytes", len(got))
	}
	if _, err := read("none"); err == nil || !bytes.Contains([]byte(err.Error()), []byte(failure.Error())) {
		t.Errorf("a stream that never began: %v", err)
	}
	if _, err := read("unheard-of"); err == nil {
		t.Error("a stream that nobody answers")
	}
}
