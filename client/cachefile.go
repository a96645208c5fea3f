package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/crc32c"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

const (
	// fileFormat is the format that this version writes, and the newest that it reads.
	fileFormat = 1

	// fileDelay is how long changes are gathered before the file is written.
	fileDelay = time.Second

	// maxFile bounds, in bytes, what is read as a cache file. What fits into one stream fits in many times over.
	maxFile = 256 << 20
)

// cacheFile is the document in the file. What it keeps is checksummed as it stands there.
type cacheFile struct {
	Format   int             `json:"format"`
	Checksum uint32          `json:"checksum"` // CRC-32C of Kept
	Kept     json.RawMessage `json:"kept"`
}

// keptService is one service in the file.
type keptService struct {
	Service   string               `json:"service"`
	Index     uint64               `json:"index"` // the service's own
	Instances []*registry.Instance `json:"instances"`
	Cluster   string               `json:"cluster"`
	At        uint64               `json:"at"`   // the index of the whole state that it was seen in
	When      time.Time            `json:"when"` // somebody vouched for it
}

// recall reads the file into the table. A file that can't be used is as good as none, and the log says why.
func (c *Client) recall() {
	kept, err := readCache(c.config.CacheFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.config.Logger.Warn("the cache file is ignored", "file", c.config.CacheFile, "error", err)
		return
	}
	for _, k := range kept {
		c.table.recall(k)
		c.calls.Saw(k.Cluster, k.At)
	}
}

func readCache(path string) ([]keptService, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it has %d bytes, and a cache file may have %d", info.Size(), maxFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file cacheFile
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if file.Format != fileFormat {
		return nil, fmt.Errorf("it has format %d, and this version reads %d", file.Format, fileFormat)
	}
	if sum := crc32c.Sum(file.Kept); sum != file.Checksum {
		return nil, fmt.Errorf("it is damaged: its checksum is %d, and should be %d", sum, file.Checksum)
	}
	var kept []keptService
	if err := json.Unmarshal(file.Kept, &kept); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	for _, k := range kept {
		if slices.Contains(k.Instances, nil) {
			return nil, fmt.Errorf("it is damaged: an instance of service %q is null", k.Service)
		}
	}
	return kept, nil
}

// recall takes a service from the file. Nobody watches it yet.
func (t *table) recall(k keptService) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !registry.ValidName(k.Service) || len(t.entries) >= maxServices {
		return
	}
	t.entries[k.Service] = &entry{
		service: k.Service, consumers: map[*consumer]struct{}{},
		known: newKnown(k.Service, k.Index, k.Instances),
		seen:  vouched{at: k.At, when: k.When, cluster: k.Cluster},
		used:  time.Now().Add(-t.linger),
	}
}

// kept is what the file is to keep.
func (t *table) kept() []keptService {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kept []keptService
	for _, e := range t.entries {
		if e.known == nil {
			continue
		}
		k := keptService{
			Service: e.service, Index: e.known.snapshot.Index, Cluster: e.seen.cluster, At: e.seen.at, When: e.seen.when,
			Instances: make([]*registry.Instance, len(e.known.snapshot.Instances)),
		}
		for n := range e.known.snapshot.Instances {
			k.Instances[n] = &e.known.snapshot.Instances[n]
		}
		kept = append(kept, k)
	}
	return kept
}

// remember writes the file behind what is learned until ctx ends, and then what was learned last.
func (c *Client) remember(ctx context.Context) {
	for {
		select {
		case <-c.table.dirty:
		case <-ctx.Done():
			select {
			case <-c.table.dirty:
			default:
				return
			}
		}
		pause.For(ctx, fileDelay)
		if err := writeCache(c.config.CacheFile, c.table.kept()); err != nil {
			c.config.Logger.Warn("the cache file can't be written", "file", c.config.CacheFile, "error", err)
		}
	}
}

// writeCache puts a new file in the place of the old one, whole or not at all.
func writeCache(path string, kept []keptService) error {
	body, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	b, err := json.Marshal(cacheFile{Format: fileFormat, Checksum: crc32c.Sum(body), Kept: body})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // which only its owner may read
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
