package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/musterhq/muster/internal/crc32c"
)

// identityFormat is the version of the identity file. A program that meets a higher one must not touch the directory.
const identityFormat = 1

// identityFile is the file: what a reader of any version must know first, and the record. The checksum is for bits that
// flip: another id would be another node, and another cluster another's data.
type identityFile struct {
	Format   int             `json:"format"`
	Checksum string          `json:"checksum"` // CRC32C of the record, without white space
	Node     json.RawMessage `json:"node"`
}

func checksumOf(node []byte) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, node); err != nil {
		return "", err
	}
	return fmt.Sprintf("%08x", crc32c.Sum(compact.Bytes())), nil
}

func encodeIdentity(rec record) ([]byte, error) {
	node, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	sum, err := checksumOf(node)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(identityFile{Format: identityFormat, Checksum: sum, Node: node}, "", "  ")
	return append(b, '\n'), err
}

// decodeIdentity looks at the format before anything else: what a newer one means by the rest, nobody here knows.
func decodeIdentity(b []byte) (record, error) {
	var file identityFile
	var rec record
	err := json.Unmarshal(b, &file)
	if err == nil && file.Format > identityFormat {
		return rec, fmt.Errorf("has format %d and this muster knows formats up to %d: start a newer muster on this data directory", file.Format, identityFormat)
	}
	if err == nil && file.Format < 1 {
		err = errors.New("it names no format")
	}
	if err == nil {
		var sum string
		if sum, err = checksumOf(file.Node); err == nil && sum != file.Checksum {
			err = errors.New("its checksum does not match")
		}
	}
	if err == nil {
		err = json.Unmarshal(file.Node, &rec)
	}
	if err == nil && rec.RaftID == "" {
		err = errors.New("it names no id")
	}
	if err != nil {
		return record{}, fmt.Errorf("is damaged (%w): remove this node from the cluster and let it join again with an empty data directory", err)
	}
	return rec, nil
}

// newSuffix is what the name of a file ends with until it is whole.
const newSuffix = ".new"

// readIdentity reads the file. Without one it fails with [os.ErrNotExist]. What a write that was broken off has left is
// removed.
func readIdentity(path string) (record, error) {
	if err := os.Remove(path + newSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return record{}, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	rec, err := decodeIdentity(b)
	if err != nil {
		return record{}, fmt.Errorf("%s %w", path, err)
	}
	return rec, nil
}

// writeIdentity replaces the file so that after a crash either the old or the new one is there, whole.
func writeIdentity(path string, rec record) error {
	b, err := encodeIdentity(rec)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+newSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+newSuffix, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
