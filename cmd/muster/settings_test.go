package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/node"
)

// configured runs a server that is stopped as soon as it runs, and returns what it was started with.
func configured(t *testing.T, environ []string, args ...string) (node.Config, result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked node.Config
	p := program{
		environ: func() []string { return environ },
		startNode: func(_ context.Context, c node.Config) (runningNode, error) {
			asked = c
			cancel()
			return newStubNode(), nil
		},
	}
	var stdout, stderr strings.Builder
	p.stdout, p.stderr = &stdout, &stderr
	// The system chooses the ports, so that the test is alone on them.
	args = append([]string{"server", "--http-addr", "127.0.0.1:0", "--peer-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0"}, args...)
	status := p.run(ctx, args)
	return asked, result{status, stdout.String(), stderr.String()}
}

func writeConfig(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "muster.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsWinOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	path := writeConfig(t,
		"data-dir: /from/file", "zone: file", "node-id: file", "datacenter: file", "raft-multiplier: 5")
	environ := []string{"MUSTER_ZONE=environment", "MUSTER_NODE_ID=environment", "MUSTER_DATACENTER=", "MUSTER_NOTHING=x"}

	c, got := configured(t, environ, "--config", path, "--node-id", "flag")
	got.want(t, exitDone, "")
	for _, s := range []struct{ what, got, want string }{
		{"flag over environment and file", c.ID, "flag"},
		{"environment over file", c.Zone, "environment"},
		{"file", c.DataDir, "/from/file"},
		{"file where the variable is empty", c.Datacenter, "file"},
	} {
		if s.got != s.want {
			t.Errorf("%s: %q, want %q", s.what, s.got, s.want)
		}
	}
	if c.RaftMultiplier != 5 {
		t.Errorf("multiplier %d, want 5", c.RaftMultiplier)
	}
}

func TestEveryKindOfValueFromEachPlace(t *testing.T) {
	want := node.Config{
		Join: []string{"a:1", "b:2"}, BootstrapExpect: 3, AllowStaleStart: true, Meta: map[string]string{"rack": "a1", "row": "07"},
	}
	for place, read := range map[string]func() (node.Config, result){
		"flags": func() (node.Config, result) {
			return configured(t, nil, "--data-dir", "d", "--join", "a:1", "--join", "b:2", "--bootstrap-expect", "3",
				"--allow-stale-start", "--node-meta", "rack=a1", "--node-meta", "row=07")
		},
		"environment": func() (node.Config, result) {
			return configured(t, []string{
				"MUSTER_DATA_DIR=d", "MUSTER_JOIN=a:1,b:2", "MUSTER_BOOTSTRAP_EXPECT=3", "MUSTER_ALLOW_STALE_START=true",
				"MUSTER_NODE_META=rack=a1,row=07",
			})
		},
		"file": func() (node.Config, result) {
			return configured(t, nil, "--config", writeConfig(t, "data-dir: d", "join:", "  - a:1", "  - b:2",
				"bootstrap-expect: 3", "allow-stale-start: true", "node-meta:", "  rack: a1", "  row: 07", "zone:"))
		},
		"file in one line": func() (node.Config, result) {
			return configured(t, []string{"MUSTER_CONFIG=" + writeConfig(t, "data-dir: d", "join: a:1,b:2",
				"bootstrap-expect: '3'", "allow-stale-start: 1", "node-meta: rack=a1,row=07")})
		},
	} {
		t.Run(place, func(t *testing.T) {
			c, got := read()
			got.want(t, exitDone, "")
			read := node.Config{
				Join: c.Join, BootstrapExpect: c.BootstrapExpect, AllowStaleStart: c.AllowStaleStart, Meta: c.Meta,
			}
			if diff := cmp.Diff(want, read); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAMistakeInASettingNamesItsPlace(t *testing.T) {
	for name, c := range map[string]struct {
		file    []string
		environ []string
		words   []string
	}{
		"unknown key":         {file: []string{"# mine", "data-dir: d", "data-dri: e"}, words: []string{"muster.yaml, line 3: data-dri: unknown key"}},
		"underscores":         {file: []string{"data_dir: d"}, words: []string{"line 1: data_dir: unknown key, did you mean data-dir?"}},
		"key of another kind": {file: []string{"addr: http://h"}, words: []string{"line 1: addr: unknown key"}},
		"config in itself":    {file: []string{"config: other.yaml"}, words: []string{"line 1: config: unknown key"}},
		"twice":               {file: []string{"zone: a", "", "zone: b"}, words: []string{"line 3: zone was already given in line 1"}},
		"no map":              {file: []string{"- zone"}, words: []string{"line 1", "expected settings"}},
		"two documents":       {file: []string{"zone: a", "---", "zone: b"}, words: []string{"more than one YAML document"}},
		"broken":              {file: []string{"zone: [a"}, words: []string{"muster.yaml", "line 1"}},
		"too deep":            {file: []string{"node-meta:", "  a:", "    b: c"}, words: []string{"line 2: node-meta: a map may hold only plain values"}},
		"list for one value":  {file: []string{"zone: [a, b]"}, words: []string{"line 1: zone: takes one value (string) and not a list"}},
		"map for one value":   {file: []string{"zone: {a: b}"}, words: []string{"line 1: zone: takes one value (string) and not a map"}},
		"bad number":          {file: []string{"bootstrap-expect: three"}, words: []string{`line 1: bootstrap-expect: invalid value "three"`}},
		"bad number around":   {environ: []string{"MUSTER_BOOTSTRAP_EXPECT=three"}, words: []string{`MUSTER_BOOTSTRAP_EXPECT: invalid value "three": invalid syntax`}},
		"bad pair around":     {environ: []string{"MUSTER_NODE_META=a=b,c"}, words: []string{`MUSTER_NODE_META: invalid value "c": must look like key=value`}},
		"no file":             {environ: []string{"MUSTER_CONFIG=/nowhere/muster.yaml"}, words: []string{"/nowhere/muster.yaml", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			var args []string
			if c.file != nil {
				args = append(args, "--config", writeConfig(t, c.file...))
			}
			_, got := configured(t, c.environ, args...)
			got.fails(t, exitUsage, c.words...)
		})
	}
}

func TestAnEmptyFileLeavesEverythingOpen(t *testing.T) {
	for _, text := range []string{"", "# nothing", "---"} {
		c, got := configured(t, nil, "--data-dir", "d", "--config", writeConfig(t, text))
		got.want(t, exitDone, "")
		if c.Datacenter != "dc1" {
			t.Errorf("%q: datacenter %q, want the default", text, c.Datacenter)
		}
	}
}

func TestSettingsOfACommandThatUsesACluster(t *testing.T) {
	addr := serveMemory(t)
	path := writeConfig(t, "addr:", "  - "+nobody(t), "  - "+addr, "format: json", "timeout: 5s")
	got := runWith(t, program{}, "services", "--config", path)
	got.want(t, exitDone, "{\n  \"index\": 0,\n  \"services\": []\n}\n")
}

func TestTheEnvironmentOfAClientDoesNotDisturbAServer(t *testing.T) {
	_, got := configured(t, []string{"MUSTER_ADDR=http://elsewhere:7300", "MUSTER_TIMEOUT=1s"}, "--data-dir", "d")
	got.want(t, exitDone, "")
}

func TestHelpOfAServerShowsOnlyWhatItTakes(t *testing.T) {
	got := runWith(t, program{}, "server", "--help")
	if got.status != exitDone || !strings.Contains(got.stdout, "--gossip-addr") {
		t.Fatalf("status %d:\n%s", got.status, got.stdout)
	}
	for _, flag := range usingFlags {
		if strings.Contains(got.stdout, "--"+flag+" ") {
			t.Errorf("shows --%s", flag)
		}
	}
}

func TestTheServersFlagsAreThoseOfTheContract(t *testing.T) {
	p := program{}
	root, _ := p.root()
	server, _, err := root.Find([]string{"server"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"node-id", "data-dir", "http-addr", "peer-addr", "gossip-addr", "advertise-http", "advertise-peer",
		"advertise-gossip", "join", "bootstrap-expect", "nonvoter", "allow-stale-start", "raft-multiplier", "zone",
		"datacenter", "node-meta", "check-allow", "check-deny", "log-level", "log-format", "config",
	} {
		if server.Flag(name) == nil {
			t.Errorf("--%s is missing", name)
		}
	}
	if d := server.Flag("http-addr").DefValue; d != "127.0.0.1:7300" {
		t.Errorf("--http-addr defaults to %s", d)
	}
}
