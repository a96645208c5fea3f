package registry

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Duration is a [time.Duration] that stands in JSON as people write it: "15s", "1m30s", "10m".
type Duration time.Duration

// String writes d as [time.Duration] does but without the zeros at the end: "10m" and not "10m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalJSON writes d as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a string such as "1m30s". A number is refused: its unit would be a guess.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil // as everywhere in encoding/json: as if it were not there
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf(`a duration is a string with a unit such as "15s", not %s`, b)
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf(`a duration looks like "15s" or "1m30s", not %q`, s)
	}
	*d = Duration(parsed)
	return nil
}
