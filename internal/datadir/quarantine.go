package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// quarantineName is the folder for what can't be used any more.
const quarantineName = "quarantine"

// SetAside moves a file or a folder, which lies anywhere in the data directory dir, into its quarantine, under a name that
// tells when. Nothing there is ever read again: it is for whoever wants to know what happened, and may be deleted.
// It returns where the file is now. The move is durable.
func SetAside(dir, path string) (to string, err error) {
	quarantine := filepath.Join(dir, quarantineName)
	if err := os.MkdirAll(quarantine, 0o700); err != nil {
		return "", fmt.Errorf("make the quarantine: %w", err)
	}
	to = filepath.Join(quarantine, filepath.Base(path)+"-"+time.Now().UTC().Format("20060102T150405.000000000Z"))
	if err := os.Rename(path, to); err != nil {
		return "", fmt.Errorf("put into quarantine: %w", err)
	}
	return to, errors.Join(syncDirectory(quarantine), syncDirectory(filepath.Dir(path)), syncDirectory(dir))
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
