package node

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/dice"
)

// flips is how much damage a test does: little, unless MUSTER_FLIPS says otherwise.
func flips(t *testing.T) int {
	if testing.Short() {
		return 5
	}
	return int(dice.Number(t, "MUSTER_FLIPS", 25))
}

// damage is done to one file of a data directory: a bit of it flips, or it is cut.
type damage struct {
	file string // in the directory
	at   int64
	bit  byte // 0 cuts the file
	was  byte
}

func (d damage) String() string {
	if d.bit == 0 {
		return fmt.Sprintf("%s is cut to %d bytes", d.file, d.at)
	}
	return fmt.Sprintf("byte %d of %s is %#02x and not %#02x", d.at, d.file, d.was^d.bit, d.was)
}

// kind is what the damage is counted as.
func (d damage) kind() string {
	name := filepath.Base(d.file)
	if d.bit == 0 {
		return name + " cut"
	}
	return name + " flipped"
}

// hurt does damage to any file in a directory. Mostly it hits where there is something: bbolt's files are full of
// zeroes that are in no use.
func hurt(t *testing.T, random *rand.Rand, dir string) damage {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "quarantine":
			return fs.SkipDir
		case entry.Name() == "lock" || !entry.Type().IsRegular():
			return nil
		}
		files = append(files, path)
		if strings.HasSuffix(path, ".db") { // these have the most to lose
			files = append(files, path, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := files[random.IntN(len(files))]
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := damage{file: strings.TrimPrefix(path, dir+"/")}
	if len(content) == 0 {
		return d
	}
	d.at = random.Int64N(int64(len(content)))
	if random.IntN(4) == 0 {
		content = content[:d.at]
	} else {
		for range 50 {
			if content[d.at] != 0 {
				break
			}
			d.at = random.Int64N(int64(len(content)))
		}
		d.was, d.bit = content[d.at], 1<<random.IntN(8)
		content[d.at] ^= d.bit
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// outcome is what came of damage.
type outcome string

const (
	refused outcome = "refused"
	healed  outcome = "told of and healed"
	unhurt  outcome = "in no use"
)

// outcomeSaid is what came of damage after which the node serves, by what it has said.
func outcomeSaid(said string) outcome {
	if strings.Contains(said, "is damaged") || strings.Contains(said, "is missing") {
		return healed
	}
	return unhurt
}

// tally counts what came of which damage.
type tally map[string]map[outcome]int

func (c tally) add(d damage, o outcome) {
	if c[d.kind()] == nil {
		c[d.kind()] = map[outcome]int{}
	}
	c[d.kind()][o]++
}

func (c tally) String() string {
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(c)) {
		lines = append(lines, fmt.Sprintf("%-20s %v", kind, c[kind]))
	}
	return strings.Join(lines, "\n")
}

// requireALine checks that a refusal is one line that says where and what to do.
func requireALine(t *testing.T, d damage, err error) {
	t.Helper()
	line := err.Error()
	t.Logf("%s: %s", d, line)
	says := strings.Contains(line, "let it join again") || strings.Contains(line, "newer muster")
	if strings.Contains(line, "\n") || !says {
		t.Errorf("%s: it says %q, which is not a line that says what to do", d, line)
	}
}
