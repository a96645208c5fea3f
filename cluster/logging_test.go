package cluster

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestWhatRaftSaysGoesToTheLog(t *testing.T) {
	t.Parallel()
	notes := &notebook{}
	log := raftLogger(notes.log().With("part", "raft"))
	log.Error("failed to take snapshot", "error", "no space")
	log.Warn("heartbeat timeout reached, starting election")
	log.Warn("something new")
	log.Info("entering follower state", "servers", hclog.Fmt("%d of %v", 2, []int{3}))
	for message, want := range map[string]string{
		"failed to take snapshot":   `level=ERROR msg="failed to take snapshot" part=raft error="no space"`,
		"heartbeat timeout reached": `level=DEBUG`, // it comes with every try
		"something new":             `level=WARN`,
		"entering follower state":   `level=DEBUG msg="entering follower state" part=raft servers="2 of [3]"`,
	} {
		if lines := notes.with(message); len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("%q is logged as %q", message, lines)
		}
	}
}

func TestRaftMakesNoMessagesThatNobodyWants(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]hclog.Level{
		slog.LevelDebug: hclog.Debug, slog.LevelInfo: hclog.Info, slog.LevelWarn: hclog.Warn, slog.LevelError: hclog.Error,
	} {
		log := slog.New(slog.NewTextHandler(&notebook{}, &slog.HandlerOptions{Level: level}))
		if got := hclogLevel(log); got != want {
			t.Errorf("%v asks Raft for %v", level, got)
		}
	}
}

func TestWhatGossipSaysGoesToTheLog(t *testing.T) {
	t.Parallel()
	notes := &notebook{}
	log := gossipLogger(notes.log())
	log.Print("[ERR] memberlist: first")
	log.Print("[WARN] memberlist: second")
	log.Print("[DEBUG] memberlist: third")
	log.Print("fourth")
	for message, level := range map[string]string{"first": "WARN", "second": "WARN", "third": "DEBUG", "fourth": "DEBUG"} {
		if lines := notes.with("level=" + level + " msg=" + message); len(lines) != 1 {
			t.Errorf("%q is logged as %q", message, notes.with(message))
		}
	}
}
