package main

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"
)

// logging holds the flags that say what a node logs and how.
type logging struct {
	level, format choice

	threshold slog.LevelVar // of the logger that was made
}

// levels are the words for what slog tells apart.
var levels = []string{"debug", "info", "warn", "error"}

func (l *logging) addTo(flags *pflag.FlagSet, level string) {
	l.level = choice{value: level, allowed: levels}
	l.format = choice{value: "text", allowed: []string{"text", "json"}}
	flags.Var(&l.level, "log-level", "least level that is logged, on stderr")
	flags.Var(&l.format, "log-format", "how it is logged")
}

// logger makes the logger that the flags ask for.
func (l *logging) logger(w io.Writer) *slog.Logger {
	if err := l.threshold.UnmarshalText([]byte(l.level.value)); err != nil {
		panic(err) // The flag takes only words that slog knows.
	}
	options := &slog.HandlerOptions{Level: &l.threshold}
	if l.format.value == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// hush silences a logger of errors alone, for a time when errors are what is to be expected. One that was asked to tell
// more goes on.
func (l *logging) hush() {
	if l.threshold.Level() == slog.LevelError {
		l.threshold.Set(slog.LevelError + 1)
	}
}
