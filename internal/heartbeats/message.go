package heartbeats

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/musterhq/muster/internal/wire"
)

// CallBeats is the call with which a node passes heartbeats on to the leader. The answer has a byte for each: its verdict.
const CallBeats = "heartbeats"

// maxBeats is how many heartbeats go in one message. With names and digests of the greatest length they take 3 MiB of the
// 4 that a message between nodes may have.
const maxBeats = 8192

// The fields of a message. A service stands before the heartbeats for its instances, which often come one after the other.
const (
	messageVia     protowire.Number = 1 // the Raft id of the node that took the heartbeats
	messageLabel   protowire.Number = 2 // its name, for people
	messageService protowire.Number = 3 // of the heartbeats that follow
	messageBeat    protowire.Number = 4 // a heartbeat each

	beatID     protowire.Number = 1
	beatDigest protowire.Number = 2
)

var (
	errMessage  = errors.New("another node sent something else than heartbeats")
	errVerdicts = errors.New("the leader did not answer with a verdict for each heartbeat")
)

// message is a number of heartbeats on their way to the leader.
type message struct {
	via, label string
	beats      []wire.Heartbeat
}

func (m message) encode() []byte {
	b := make([]byte, 0, 64+64*len(m.beats))
	b = appendText(b, messageVia, m.via)
	b = appendText(b, messageLabel, m.label)
	service := ""
	var beat []byte
	for _, of := range m.beats {
		if of.Service != service {
			service = of.Service
			b = appendText(b, messageService, service)
		}
		beat = appendText(beat[:0], beatID, of.ID)
		if of.Digest != "" {
			beat = appendText(beat, beatDigest, of.Digest)
		}
		b = protowire.AppendTag(b, messageBeat, protowire.BytesType)
		b = protowire.AppendBytes(b, beat)
	}
	return b
}

func appendText(b []byte, number protowire.Number, text string) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendString(b, text)
}

func decodeMessage(b []byte) (message, error) {
	var m message
	service := ""
	err := eachField(b, func(number protowire.Number, _ uint64, content []byte) error {
		switch number {
		case messageVia:
			m.via = string(content)
		case messageLabel:
			m.label = string(content)
		case messageService:
			service = string(content)
		case messageBeat:
			beat, err := decodeBeat(service, content)
			m.beats = append(m.beats, beat)
			return err
		}
		return nil
	})
	if err == nil && (m.via == "" || len(m.beats) == 0 || len(m.beats) > maxBeats) {
		err = errMessage
	}
	return m, err
}

func decodeBeat(service string, b []byte) (wire.Heartbeat, error) {
	beat := wire.Heartbeat{Service: service}
	err := eachField(b, func(number protowire.Number, _ uint64, content []byte) error {
		switch number {
		case beatID:
			beat.ID = string(content)
		case beatDigest:
			beat.Digest = string(content)
		}
		return nil
	})
	if err == nil && (beat.Service == "" || beat.ID == "") {
		err = errMessage
	}
	return beat, err
}

// eachField calls take with each field: its number, and its value as a number or as bytes. Fields of other kinds are those of
// a later version, and left out.
func eachField(b []byte, take func(number protowire.Number, value uint64, content []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", errMessage, protowire.ParseError(n))
		}
		b = b[n:]
		var value uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", errMessage, protowire.ParseError(n))
		}
		b = b[n:]
		if kind != protowire.VarintType && kind != protowire.BytesType {
			continue
		}
		if err := take(number, value, content); err != nil {
			return err
		}
	}
	return nil
}

func encodeVerdicts(verdicts []verdict) []byte {
	b := make([]byte, len(verdicts))
	for n, v := range verdicts {
		b[n] = byte(v)
	}
	return b
}

func decodeVerdicts(b []byte, beats int) ([]verdict, error) {
	if len(b) != beats {
		return nil, errVerdicts
	}
	verdicts := make([]verdict, len(b))
	for n, v := range b {
		if verdicts[n] = verdict(v); verdicts[n] > missing {
			return nil, errVerdicts
		}
	}
	return verdicts, nil
}
