package main

import "testing"

func TestAnAmountOfBytesHasAUnitOrNone(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "268435456": 256 << 20, "64KiB": 64 << 10, "256MiB": 256 << 20, "2 GiB": 2 << 30, "1TiB": 1 << 40, "16777215TiB": 16777215 << 40,
	} {
		var got byteSize
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%q is %d (%v), not %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "256MB", "5%", "16777216TiB", "1MiBs"} {
		var got byteSize
		if err := got.Set(text); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}
