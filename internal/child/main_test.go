package child_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/musterhq/muster/internal/child"
)

func TestMain(m *testing.M) {
	if !child.Play(map[string]child.Role{"echo": echo, "waiter": awaitSignal}) {
		m.Run() // its status is the process's when TestMain returns
	}
}

// echo says what it is told, as long as there is something.
func echo(in *json.Decoder, out *json.Encoder) error {
	for {
		var told string
		if err := in.Decode(&told); err == io.EOF {
			return out.Encode("the end")
		} else if err != nil {
			return err
		}
		if told == "fail" {
			return errors.New("as it was told")
		}
		if err := out.Encode(told); err != nil {
			return err
		}
	}
}

func awaitSignal(_ *json.Decoder, out *json.Encoder) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	if err := out.Encode("waiting"); err != nil {
		return err
	}
	<-asked
	return out.Encode("asked to end")
}
