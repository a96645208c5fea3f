package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"slices"

	"github.com/hashicorp/go-hclog"
)

// raftLogger lets hashicorp/raft write to slog.
func raftLogger(to *slog.Logger) hclog.Logger {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclogLevel(to)})
	logger.RegisterSink(slogSink{to})
	return logger
}

// hclogLevel spares Raft the making of messages that nobody wants.
func hclogLevel(to *slog.Logger) hclog.Level {
	ctx := context.Background()
	switch {
	case to.Enabled(ctx, slog.LevelDebug):
		return hclog.Debug
	case to.Enabled(ctx, slog.LevelInfo):
		return hclog.Info
	case to.Enabled(ctx, slog.LevelWarn):
		return hclog.Warn
	default:
		return hclog.Error
	}
}

// slogSink is the [hclog.SinkAdapter] that passes on to slog.
type slogSink struct{ to *slog.Logger }

func (s slogSink) Accept(_ string, level hclog.Level, message string, args ...any) {
	for i, arg := range args {
		if format, ok := arg.(hclog.Format); ok { // a format and what goes into it, which hclog would put together
			args[i] = fmt.Sprintf(fmt.Sprint(format[0]), format[1:]...)
		}
	}
	s.to.Log(context.Background(), slogLevel(level, message), message, args...)
}

// routine are warnings and errors of Raft's that come with every try, several a second, while a node is away, or that tell
// of nothing out of the ordinary: a follower hears of a commit, from the announcer, before it has got the entry. That a node
// is away and is back the operator learns from the leadership, once.
var routine = map[string]bool{
	"failed to get previous log":                               true,
	"appendEntries rejected, sending older logs":               true,
	"failed to appendEntries to":                               true,
	"failed to heartbeat to":                                   true,
	"failed to contact":                                        true,
	"failed to pipeline appendEntries":                         true,
	"failed to start pipeline replication to":                  true,
	"failed to decode incoming command":                        true, // its connection was cut
	"failed to flush response":                                 true,
	"failed to make requestVote RPC":                           true,
	"Election timeout reached, restarting election":            true,
	"heartbeat timeout reached, starting election":             true,
	"Election timeout reached, restarting pre-vote process":    true,
	"unable to get address for server, using fallback address": true,

	// Of a node that was removed and has yet to learn it, or that can't hear the leader which the others have.
	"rejecting pre-vote request since node is not in configuration": true,
	"rejecting pre-vote request since we have a leader":             true,
	"rejecting vote request since we have a leader":                 true,

	// Autopilot's, when a leadership ends while it is at work.
	"Error when computing next state":                          true,
	"Failed to reconcile current state with the desired state": true,
}

func slogLevel(level hclog.Level, message string) slog.Level {
	if routine[message] {
		return slog.LevelDebug
	}
	switch level {
	case hclog.Error:
		return slog.LevelError
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Info:
		// Raft tells its every election at this level, which the operator learns in one line from the leadership.
		return slog.LevelDebug
	default:
		return slog.LevelDebug
	}
}

// gossipLogger lets memberlist, which knows the standard library's logger only, write to slog.
func gossipLogger(to *slog.Logger) *log.Logger {
	return log.New(gossipWriter{to}, "", 0)
}

// gossipRoutine is what memberlist repeats several times a second while a node is away, or while another one lives at its
// address, and what the operator was told once.
func gossipRoutine() []string {
	return []string{"Got ping for unexpected node", "Failed fallback TCP ping", errStranger.Error()}
}

// gossipWriter takes memberlist's lines, such as "[WARN] memberlist: was able to reach ...".
type gossipWriter struct{ to *slog.Logger }

func (w gossipWriter) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	for prefix, l := range map[string]slog.Level{"[ERR]": slog.LevelWarn, "[WARN]": slog.LevelWarn} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			level = l
		}
	}
	if slices.ContainsFunc(gossipRoutine(), func(text string) bool { return bytes.Contains(line, []byte(text)) }) {
		level = slog.LevelDebug
	}
	_, message, found := bytes.Cut(bytes.TrimSpace(line), []byte("memberlist: "))
	if !found {
		message = bytes.TrimSpace(line)
	}
	w.to.Log(context.Background(), level, string(message))
	return len(line), nil
}
