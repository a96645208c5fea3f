package boltfile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// File is a file on its way to bbolt. Its Open is what bbolt opens its file with:
//
//	var file boltfile.File
//	db, err := bbolt.Open(path, 0o600, &bbolt.Options{OpenFile: file.Open})
//
// It is for one goroutine at a time.
type File struct {
	file  *os.File
	fresh bool
}

// Open opens, locks and checks the file. bbolt would lock it by itself, but only look at it afterwards; here that is done
// before bbolt sees it. The lock belongs to the open file, so bbolt finds it has it already.
//
// It fails with [ErrInUse] at once where another process has the file open, with a [Damage] where the structure is out of
// joint, and otherwise with an error of the file system, which names the path.
func (f *File) Open(path string, flag int, mode os.FileMode) (*os.File, error) {
	file, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	f.file = file
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, ErrInUse
	case err != nil:
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if f.fresh = info.Size() == 0; f.fresh {
		return file, nil // bbolt will fill it
	}
	return file, Check(file, info.Size())
}

// Fresh tells whether the file was empty, or not there at all, when it was opened.
func (f *File) Fresh() bool { return f.fresh }

// Release lets others open the file. It is for where bbolt was not opened, or has panicked: without its file it is
// harmless. Otherwise bbolt does that by itself.
func (f *File) Release() {
	if f.file != nil {
		_ = unix.Flock(int(f.file.Fd()), unix.LOCK_UN) // bbolt's mapping of the file would hold it
		_ = f.file.Close()                             // where bbolt has failed in an orderly way it did both
	}
}
