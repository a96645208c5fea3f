package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/record"
)

// savedFile is a file of a few dozen pages after several saves, and what it holds.
func savedFile(t *testing.T) ([]byte, Image) {
	t.Helper()
	path := newPath(t)
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(4, 2))
	image := loaded(t, c)
	for range 8 {
		image = imageOf(edited(image.State, random, 120))
		mustSave(t, c, image)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return contentOf(t, path), image
}

// wantTheImageOrAnError opens a file of that content.
func wantTheImageOrAnError(t *testing.T, content []byte, want Image) (path string, noticed bool) {
	t.Helper()
	path = newPath(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := read(path)
	switch {
	case err == nil:
		wantImage(t, got, want)
	case !errors.Is(err, ErrCorrupt):
		t.Fatalf("the damage shows as %v, want an ErrCorrupt", err)
	}
	return path, err != nil
}

// wantFitToBeSaved goes on with a file in which the damage was not noticed, because it is in no use.
func wantFitToBeSaved(t *testing.T, path string) {
	t.Helper()
	c := opened(t, path)
	next := imageOf(edited(loaded(t, c).State, rand.New(rand.NewPCG(5, 5)), 100))
	mustSave(t, c, next)
	wantImage(t, loaded(t, c), next)
}

// pagesOf is how many pages of a file bbolt has used so far, which the newer of the two meta pages says.
func pagesOf(content []byte) int {
	const at = 16 + 40
	return int(max(binary.NativeEndian.Uint64(content[at:]), binary.NativeEndian.Uint64(content[os.Getpagesize()+at:])))
}

// leafPage is the kind of a page of bbolt's that holds records.
const leafPage = 2

func TestAFlippedBitIsNoticedOrHarmless(t *testing.T) {
	content, want := savedFile(t)
	size := os.Getpagesize()
	pages := pagesOf(content)
	random := rand.New(rand.NewPCG(200, 0))
	total := 0
	flip := func(t *testing.T, at int) (path string, noticed bool) {
		bit := byte(1) << random.IntN(8)
		content[at] ^= bit
		defer func() { content[at] ^= bit }()
		path, noticed = wantTheImageOrAnError(t, content, want)
		if noticed {
			total++
		}
		return path, noticed
	}
	t.Run("anywhere", func(t *testing.T) {
		for range 200 {
			flip(t, random.IntN(pages*size))
		}
	})
	t.Run("where the pages say what they are", func(t *testing.T) {
		for range 100 {
			if path, noticed := flip(t, random.IntN(pages)*size+random.IntN(96)); !noticed {
				wantFitToBeSaved(t, path)
			}
		}
	})
	t.Run("in the pages that hold the others together", func(t *testing.T) {
		for id := range pages {
			if kind := binary.NativeEndian.Uint16(content[id*size+8:]); kind == 0 || kind == leafPage {
				continue
			}
			for range 20 {
				if path, noticed := flip(t, id*size+random.IntN(256)); !noticed {
					wantFitToBeSaved(t, path)
				}
			}
		}
	})
	if t.Logf("%d were noticed", total); total < 150 {
		t.Error("that is too few")
	}
}

func TestACutFileIsNoticedOrHarmless(t *testing.T) {
	content, want := savedFile(t)
	random := rand.New(rand.NewPCG(200, 1))
	for range 60 {
		wantTheImageOrAnError(t, content[:1+random.IntN(len(content)-1)], want)
	}
}

// A page that goes missing under an open file is a fault of the memory it was mapped into.
func TestAFileThatShrinksWhileItIsOpenIsNoticed(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	mustSave(t, c, imageOf(populated(1_000)))
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	_, err := c.Load()
	wantLine(t, err, ErrCorrupt, path, "a part of it can't be read")
}

// What passes for records, but was never saved together, is not an image. Each of these has good checksums everywhere.
func TestRecordsThatDoNotBelongTogetherAreNoticed(t *testing.T) {
	state := populated(30)
	instance, err := state.Instance("service-00001", "10.0.0.15:8080")
	if err != nil {
		t.Fatal(err)
	}
	stray := instance.Clone()
	stray.ID, stray.Port = "stray", 1
	service := encodeService(state.Service("service-00001"))

	for _, test := range []struct {
		name   string
		tamper func(records *bbolt.Bucket) error
		want   string
	}{
		{"one is missing", func(r *bbolt.Bucket) error { return r.Delete(instanceKey(instance.Service, instance.ID)) },
			"30 instances were saved and 29 are there"},
		{"one is new", func(r *bbolt.Bucket) error { return r.Put(instanceKey(stray.Service, "stray"), encodeInstance(stray)) },
			"30 instances were saved and 31 are there"},
		{"one is of another time", func(r *bbolt.Bucket) error {
			other := instance.Clone()
			other.Port++
			return r.Put(instanceKey(other.Service, other.ID), encodeInstance(other))
		}, "the instances were saved with the hash"},
		{"one has the key of another", func(r *bbolt.Bucket) error {
			return r.Put(instanceKey(instance.Service, instance.ID), encodeInstance(stray))
		},
			`it holds an instance that belongs under "service-00001\x00stray"`},
		{"one is damaged", func(r *bbolt.Bucket) error {
			return r.Put(instanceKey(instance.Service, instance.ID), []byte("damage"))
		},
			`the record "service-00001\x0010.0.0.15:8080": damaged record: the checksum says`},
		{"a service is missing", func(r *bbolt.Bucket) error { return r.Delete(serviceKey("service-00001")) },
			`it comes among those of service "service-00000"`},
		{"a service has no instance", func(r *bbolt.Bucket) error { return r.Put(serviceKey("service-000015"), service) },
			`it comes where the first instance of service "service-000015" should`},
		{"the last service has no instance", func(r *bbolt.Bucket) error { return r.Put(serviceKey("z"), service) },
			`service "z" has no instance`},
		{"a service is not an index", func(r *bbolt.Bucket) error {
			return r.Put(serviceKey("service-00001"), record.AppendFramed(nil, []byte("index")))
		}, "5 bytes where an index has 8"},
		{"a service is damaged", func(r *bbolt.Bucket) error { return r.Put(serviceKey("service-00001"), []byte("damage")) },
			`the record "service-00001\x00": damaged record`},
		{"a key is none", func(r *bbolt.Bucket) error { return r.Put([]byte("service-00001"), service) },
			`the record "service-00001": a key that belongs to no service`},
		{"a bucket is among them", func(r *bbolt.Bucket) error {
			_, err := r.CreateBucket([]byte("service-00001\x00bucket"))
			return err
		}, "damaged record: 0 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := newPath(t)
			c := opened(t, path)
			loaded(t, c)
			mustSave(t, c, imageOf(state))
			if err := c.db.Update(func(tx *bbolt.Tx) error { return test.tamper(tx.Bucket([]byte(recordsBucket))) }); err != nil {
				t.Fatal(err)
			}
			_, err := c.Load()
			wantLine(t, err, ErrCorrupt, path, test.want)
		})
	}
}

func TestAFileWithoutItsBucketsIsNotTakenForAnEmptyOne(t *testing.T) {
	for _, bucket := range []string{headerBucket, recordsBucket} {
		path := newPath(t)
		c := opened(t, path)
		loaded(t, c)
		mustSave(t, c, imageOf(populated(30)))
		if err := c.db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucket)) }); err != nil {
			t.Fatal(err)
		}
		_, err := c.Load()
		wantLine(t, err, ErrCorrupt, path, "a bucket is missing")
	}
}

func TestAHeaderThatIsNoneIsNoticed(t *testing.T) {
	for name, value := range map[string][]byte{
		"missing": nil, "damaged": []byte("damage"), "not JSON": record.AppendFramed(nil, []byte("{")),
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			c := opened(t, path)
			loaded(t, c)
			mustSave(t, c, imageOf(populated(3)))
			replaceHeader(t, c, value)
			_, err := c.Load()
			wantLine(t, err, ErrCorrupt, path, "the header")
		})
	}
}

func TestANewerFormatAsksForANewerMuster(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	image := imageOf(populated(3))
	mustSave(t, c, image)

	h := headerOf(image)
	h.Format, h.MinReader = format+2, format+1
	replaceHeader(t, c, encodedWith(t, h, nil))
	_, err := c.Load()
	wantLine(t, err, ErrNewerFormat, path, "it has format 7, to be read by format 6 or later, and this muster reads format 5: use a newer muster")
}

// Until something is in use that an older muster does not know, a node may go back to it.
func TestAFileAsksForANewReaderOnlyWhereItNeedsOne(t *testing.T) {
	image := imageOf(populated(3))
	for commands, want := range map[int]int{0: 4, 4: 4, 5: 5, 6: 5} {
		image.Commands = commands
		if got := headerOf(image).MinReader; got != want {
			t.Errorf("after commands up to version %d it asks for format %d, want %d", commands, got, want)
		}
	}
	c := opened(t, newPath(t))
	loaded(t, c)
	mustSave(t, c, image)
	if got := loaded(t, c).Commands; got != image.Commands {
		t.Errorf("it remembers commands up to version %d, want %d", got, image.Commands)
	}
}

// A later version may add to the header what an older one can do without.
func TestANewerFormatForOldReadersIsRead(t *testing.T) {
	c := opened(t, newPath(t))
	loaded(t, c)
	image := imageOf(populated(3))
	mustSave(t, c, image)

	h := headerOf(image)
	h.Format = format + 1
	replaceHeader(t, c, encodedWith(t, h, map[string]any{"later": "addition"}))
	wantImage(t, loaded(t, c), image)
	next := imageOf(edited(image.State, rand.New(rand.NewPCG(6, 6)), 50))
	mustSave(t, c, next)
	wantImage(t, loaded(t, c), next)
}

// The header lies on disks: it must stay what it is. A failure means that the format has changed.
func TestTheHeaderStaysWhatItIs(t *testing.T) {
	h := header{Format: 1, MinReader: 1, ClusterID: "c", Index: 1<<64 - 1, Term: 2, StateHash: "ab", Instances: 3}
	b, err := h.encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"format":1,"min_reader":1,"cluster_id":"c","index":18446744073709551615,"term":2,"state_hash":"ab","instances":3}`
	if got := string(b[4:]); got != want {
		t.Errorf("the header is written as\n%s\nwant\n%s", got, want)
	}
	got, err := decodeHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("the header (-want +got):\n%s", diff)
	}
}

func replaceHeader(t *testing.T, c *Checkpoint, value []byte) {
	t.Helper()
	err := c.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(headerBucket)).Put([]byte(headerKey), value) })
	if err != nil {
		t.Fatal(err)
	}
}

// encodedWith is the header with more in it.
func encodedWith(t *testing.T, h header, more map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	maps.Copy(fields, more)
	if b, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	return record.AppendFramed(nil, b)
}
