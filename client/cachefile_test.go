package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/crc32c"
	"github.com/musterhq/muster/registry"
)

// keep runs a client that learns of payments and writes the file.
func keep(t *testing.T, n *node, file string) {
	t.Helper()
	c := newClient(t, func(c *Config) { c.CacheFile = file }, n)
	for _, err := range c.Watch(limited(t), "payments") {
		if err == nil {
			break
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAColdStartAnswersFromTheFileWhileTheRegistryIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		file := filepath.Join(t.TempDir(), "cache")
		keep(t, n, file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info.Mode(), err)
		}
		n.Close()
		c := newClient(t, func(c *Config) { c.CacheFile, c.Timeout = file, 300*time.Millisecond }, n)
		began := time.Now()
		found, err := c.Discover(limited(t), "payments")
		if err != nil || len(found) != 1 || time.Since(began) > 2*freshWithin {
			t.Fatalf("%v, %v, after %s", found, err, time.Since(began))
		}
		if age, ok := c.Age("payments"); !ok || age <= 0 || age > time.Minute {
			t.Errorf("it is %v old, and known: %v", age, ok)
		}
		told := 0
		for s, err := range c.Watch(limited(t), "payments") {
			if told++; told == 1 && (err != nil || len(s.Instances) != 1) {
				t.Errorf("a watch begins with %+v, %v", s, err)
			}
			if told == 2 {
				if !errors.Is(err, ErrLost) {
					t.Errorf("and goes on with %+v, %v", s, err)
				}
				break
			}
		}
		if told != 2 {
			t.Errorf("told %d times", told)
		}
	})
}

// Close may come before the file has been begun.
func TestWhatWasLearnedLastIsInTheFile(t *testing.T) {
	closed, end := context.WithCancel(t.Context())
	end()
	for range 20 { // which of two signals is heard first is a matter of chance
		file := filepath.Join(t.TempDir(), "cache")
		table := newTable(time.Minute)
		e, _ := table.use("payments")
		table.seed(e, knownOf(5, "p1"), vouched{at: 5, cluster: "C1"})
		c := &Client{config: Config{CacheFile: file, Logger: slog.New(slog.DiscardHandler)}, table: table}
		c.remember(closed)
		if kept, err := readCache(file); err != nil || len(kept) != 1 || kept[0].At != 5 {
			t.Fatalf("%+v, %v", kept, err)
		}
	}
}

// A start from the file goes on where the file ends.
func TestAStartWithAFileAsksForWhatChangedSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		file := filepath.Join(t.TempDir(), "cache")
		keep(t, n, file)
		w.put("payments", "p2", registry.Healthy)
		c := newClient(t, func(c *Config) { c.CacheFile = file }, n)
		for s, err := range c.Watch(limited(t), "payments") {
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Instances) == 2 {
				break
			}
		}
		if all := streams(n); !strings.Contains(all[len(all)-1], "index=") {
			t.Errorf("%v", all)
		}
	})
}

func TestAFileOfAnotherClusterIsReplacedOnceThatIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		file := filepath.Join(t.TempDir(), "cache")
		keep(t, n, file)
		other := newWorld("C2")
		other.put("payments", "q1", registry.Healthy)
		keepAfter := startNode(t, other)
		c := newClient(t, func(c *Config) { c.CacheFile = file }, keepAfter)
		for s, err := range c.Watch(limited(t), "payments") {
			if err == nil && idsOf(s.Instances)[0] == "q1" {
				break
			}
		}
		_ = c.Close()
		kept, err := readCache(file)
		if err != nil || len(kept) != 1 || kept[0].Cluster != "C2" || kept[0].Instances[0].ID != "q1" {
			t.Errorf("%+v, %v", kept, err)
		}
	})
}

func TestAFileThatCannotBeUsedIsIgnoredAndTheLogSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("C1")
		w.put("payments", "p1", registry.Healthy)
		n := startNode(t, w)
		file := filepath.Join(t.TempDir(), "cache")
		keep(t, n, file)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		newer, err := json.Marshal(cacheFile{Format: fileFormat + 1, Kept: json.RawMessage("[]")})
		if err != nil {
			t.Fatal(err)
		}
		nobody := json.RawMessage(`[{"service":"payments","index":2,"instances":[null],"cluster":"C1","at":2}]`)
		null, err := json.Marshal(cacheFile{Format: fileFormat, Checksum: crc32c.Sum(nobody), Kept: nobody})
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{
			"null":  null,
			"empty": {}, "half": whole[:len(whole)/2], "flipped": bytes.Replace(whole, []byte("10.0.0.1"), []byte("10.0.0.2"), 1), "newer": newer,
		} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			c := newClient(t, func(c *Config) {
				c.CacheFile, c.Logger = file, slog.New(slog.NewTextHandler(&log, nil))
			}, n)
			if _, known := c.Age("payments"); known {
				t.Errorf("%s: it was believed", name)
			}
			if _, err := c.Discover(limited(t), "payments"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_ = c.Close()
			if !strings.Contains(log.String(), "the cache file is ignored") {
				t.Errorf("%s: the log says %q", name, log.String())
			}
		}
	})
}

// What a path names may be anything. A pipe would never be read to its end, and what is huge would not fit into memory.
func TestWhatCanBeNoCacheFileIsNotEvenRead(t *testing.T) {
	huge := filepath.Join(t.TempDir(), "cache")
	if err := os.WriteFile(huge, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, maxFile+1); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{huge: "may have", t.TempDir(): "no regular file", os.DevNull: "no regular file"} {
		if _, err := readCache(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
