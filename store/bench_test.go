package store

import (
	"fmt"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/boltfile"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

const many = 100_000

// A second's worth of changes, scattered over a large registry.
func BenchmarkSaveHundredChanges(b *testing.B) {
	c := opened(b, newPath(b))
	loaded(b, c)
	image := imageOf(populated(many))
	mustSave(b, c, image)
	b.ReportAllocs()
	for b.Loop() {
		image = withHundredChanges(b, image)
		if err := c.Save(image); err != nil {
			b.Fatal(err)
		}
	}
}

// The same where all instances are of one service, of which each must be looked at.
func BenchmarkSaveHundredChangesInOneService(b *testing.B) {
	edit := registry.NewState().Edit()
	for service := range populated(many).Services() {
		for i := range service.Instances() {
			one := *i
			one.Service, one.ID = "service-00000", service.Name()+i.ID
			edit.Put(&one)
		}
	}
	edit.SetIndex(many)
	c := opened(b, newPath(b))
	loaded(b, c)
	image := imageOf(edit.Commit())
	mustSave(b, c, image)
	for b.Loop() {
		edit := image.State.Edit()
		edit.SetIndex(image.Index + 1)
		n := 0
		for i := range image.State.Service("service-00000").Instances() {
			if n++; n%1_000 == 0 {
				edit.Put(changed(i, &image.Hash))
			}
		}
		image.State, image.Index = edit.Commit(), image.Index+1
		if err := c.Save(image); err != nil {
			b.Fatal(err)
		}
	}
}

func withHundredChanges(b *testing.B, image Image) Image {
	edit := image.State.Edit()
	edit.SetIndex(image.Index + 1)
	for n := range 100 {
		for i := range image.State.Service(fmt.Sprintf("service-%05d", n*100)).Instances() {
			edit.Put(changed(i, &image.Hash))
			break
		}
	}
	image.State, image.Index = edit.Commit(), image.Index+1
	return image
}

// changed is the instance with another output, accounted for in the hash.
func changed(i *registry.Instance, hash *record.Hash) *registry.Instance {
	next := i.Clone()
	next.ModifyIndex++
	hash.Remove(i)
	hash.Add(next)
	return next
}

func BenchmarkSaveEverything(b *testing.B) {
	state := populated(many)
	image := imageOf(state)
	for b.Loop() {
		c, err := Open(newPath(b))
		if err != nil {
			b.Fatal(err)
		}
		loaded(b, c)
		mustSave(b, c, image)
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAndLoad(b *testing.B) {
	path := newPath(b)
	c, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	loaded(b, c)
	mustSave(b, c, imageOf(populated(many)))
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		image, err := read(path)
		if err != nil || image.State.Len() != many {
			b.Fatal(image.State, err)
		}
	}
}

// The part of opening and loading that checks the structure of the file.
func BenchmarkCheckStructure(b *testing.B) {
	path := newPath(b)
	c := opened(b, path)
	loaded(b, c)
	mustSave(b, c, imageOf(populated(many)))
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := boltfile.Check(file, info.Size()); err != nil {
			b.Fatal(err)
		}
	}
}
