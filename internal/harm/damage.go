package harm

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Damage is done to one file of a data directory: a bit of it flips, or it is cut.
type Damage struct {
	file string // in the directory
	at   int64
	bit  byte // 0 cuts the file
	was  byte
}

func (d Damage) String() string {
	if d.bit == 0 {
		return fmt.Sprintf("%s is cut to %d bytes", d.file, d.at)
	}
	return fmt.Sprintf("byte %d of %s is %#02x and not %#02x", d.at, d.file, d.was^d.bit, d.was)
}

// Kind is what the damage is counted as.
func (d Damage) Kind() string {
	name := filepath.Base(d.file)
	if d.bit == 0 {
		return name + " cut"
	}
	return name + " flipped"
}

// Hurt does damage to any file in a directory. Mostly it hits where there is something: bbolt's files are full of
// zeroes that are in no use.
func Hurt(t testing.TB, random *rand.Rand, dir string) Damage {
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
	d := Damage{file: strings.TrimPrefix(path, dir+"/")}
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
