package record

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrDamaged is what all errors about bytes that can't be what was written have in common. They say what is wrong where.
var ErrDamaged = errors.New("damaged record")

// message is the encoding of one message.
type message struct {
	bytes  []byte
	at     int    // the offset of bytes in the whole record
	record string // the whole record: all text that is read from it is a part of this one string
}

// wholeRecord returns the message that a record is.
func wholeRecord(b []byte) message { return message{bytes: b, record: string(b)} }

// field is one field of a message. A value is in varint or in bytes, by its type.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	varint uint64
	bytes  []byte
	at     int // the offset of the value in the whole record
	record string
}

// each calls visit for field after field, those of an unknown number too, until there are no more or one is in error.
func (m message) each(visit func(field) error) error {
	for rest := m.bytes; len(rest) > 0; {
		at := m.at + len(m.bytes) - len(rest)
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return fmt.Errorf("byte %d: the start of a field is %s", at, fault(n))
		}
		rest, at = rest[n:], at+n
		size := protowire.ConsumeFieldValue(num, typ, rest)
		if size < 0 {
			return fmt.Errorf("byte %d: the value of field %d is %s", at, num, fault(size))
		}
		f := field{num: num, typ: typ, at: at, record: m.record}
		switch typ {
		case protowire.VarintType:
			f.varint, _ = protowire.ConsumeVarint(rest)
		case protowire.BytesType:
			f.bytes, _ = protowire.ConsumeBytes(rest)
			f.at += size - len(f.bytes)
		}
		if err := visit(f); err != nil {
			return err
		}
		rest = rest[size:]
	}
	return nil
}

// fault says what a negative length from protowire means.
func fault(n int) string {
	if errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF) {
		return "cut off"
	}
	return "malformed"
}

// want checks that the value is encoded in the way of type typ. The error names the field.
func (f field) want(name string, typ protowire.Type) error {
	if f.typ != typ {
		return fmt.Errorf("%s: byte %d: a value of wire type %d where type %d belongs", name, f.at, f.typ, typ)
	}
	return nil
}

// message reads the value as a message. Errors inside it are given the field's name as well.
func (f field) message(name string, decode func(message) error) error {
	if err := f.want(name, protowire.BytesType); err != nil {
		return err
	}
	if err := decode(message{bytes: f.bytes, at: f.at, record: f.record}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (f field) bool(name string, into *bool) error {
	*into = f.varint != 0
	return f.want(name, protowire.VarintType)
}

func decodeText[T ~string](f field, name string, into *T) error {
	*into = T(f.record[f.at : f.at+len(f.bytes)])
	return f.want(name, protowire.BytesType)
}

func decodeNumber[T ~int | ~int64 | ~uint64](f field, name string, into *T) error {
	*into = T(f.varint)
	if uint64(*into) != f.varint { // an int has 32 bits on some machines
		return fmt.Errorf("%s: byte %d: %d is out of range", name, f.at, int64(f.varint))
	}
	return f.want(name, protowire.VarintType)
}
