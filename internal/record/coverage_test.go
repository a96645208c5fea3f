package record_test

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// Whoever adds a field to an instance, or to anything inside it, and forgets the encoding fails here.
func TestNoFieldIsForgotten(t *testing.T) {
	seen := 0
	for path, i := range oneFieldEach(t) {
		seen++
		b := record.Append(nil, i)
		got, err := record.Decode(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if diff := cmp.Diff(i, got); diff != "" {
			t.Errorf("%s does not survive the encoding: it needs a number in fields.go and a line in encode.go and decode.go (-want +got):\n%s", path, diff)
		}
	}
	if seen < 37 {
		t.Errorf("this test has found only %d fields in an instance: it is broken", seen)
	}
}

// The digest names the client's document: every field of it counts, and none that belongs to the registry.
func TestTheDigestCoversTheDocumentAlone(t *testing.T) {
	owned := []string{"Status", "Reported.", "Maintenance.", "CreateIndex", "ModifyIndex", "Incarnation", "Expired", "LeaseIndex", "Checks[].Status", "Checks[].Output", "Checks[].Preserved"}
	for path, i := range oneFieldEach(t) {
		base := &registry.Instance{}
		if strings.HasPrefix(path, "Checks[]") {
			base.Checks = make([]registry.Check, 1)
		}
		if strings.HasPrefix(path, "Lease.") {
			base.Lease = &registry.Lease{}
		}
		belongsToRegistry := false
		for _, prefix := range owned {
			belongsToRegistry = belongsToRegistry || strings.HasPrefix(path, prefix)
		}
		if same := record.Digest(i) == record.Digest(base); same != belongsToRegistry {
			t.Errorf("%s: it belongs to the registry: %t, the digest ignores it: %t", path, belongsToRegistry, same)
		}
	}
}

// oneFieldEach yields an instance for every single value in it, however deep, with this value set and no other.
func oneFieldEach(t *testing.T) iter.Seq2[string, *registry.Instance] {
	return func(yield func(string, *registry.Instance) bool) {
		for path, set := range settersOf(t, "", reflect.TypeFor[registry.Instance]()) {
			i := new(registry.Instance)
			set(reflect.ValueOf(i).Elem())
			if !yield(path, i) {
				return
			}
		}
	}
}

// settersOf yields, for every single value inside a value of type typ, its path and a function that sets it and nothing
// else, apart from what must be there for it to stand in.
func settersOf(t *testing.T, path string, typ reflect.Type) iter.Seq2[string, func(reflect.Value)] {
	return func(yield func(string, func(reflect.Value)) bool) {
		inner := func(path string, typ reflect.Type, place func(outer reflect.Value, set func(reflect.Value))) bool {
			for path, set := range settersOf(t, path, typ) {
				if !yield(path, func(v reflect.Value) { place(v, set) }) {
					return false
				}
			}
			return true
		}
		switch typ.Kind() {
		case reflect.String:
			yield(path, func(v reflect.Value) { v.SetString("x") })
		case reflect.Bool:
			yield(path, func(v reflect.Value) { v.SetBool(true) })
		case reflect.Int, reflect.Int64:
			yield(path, func(v reflect.Value) { v.SetInt(-7) })
		case reflect.Uint64:
			yield(path, func(v reflect.Value) { v.SetUint(7) })
		case reflect.Pointer:
			inner(path, typ.Elem(), func(v reflect.Value, set func(reflect.Value)) {
				v.Set(reflect.New(typ.Elem()))
				set(v.Elem())
			})
		case reflect.Slice:
			inner(path+"[]", typ.Elem(), func(v reflect.Value, set func(reflect.Value)) {
				v.Set(reflect.MakeSlice(typ, 1, 1))
				set(v.Index(0))
			})
		case reflect.Map:
			for _, part := range []string{"key", "value"} {
				inner(fmt.Sprintf("%s[%s]", path, part), typ.Elem(), func(v reflect.Value, set func(reflect.Value)) {
					key, value := reflect.New(typ.Key()).Elem(), reflect.New(typ.Elem()).Elem()
					set(map[string]reflect.Value{"key": key, "value": value}[part])
					v.Set(reflect.MakeMap(typ))
					v.SetMapIndex(key, value)
				})
			}
		case reflect.Struct:
			for n := range typ.NumField() {
				f := typ.Field(n)
				if !f.IsExported() {
					t.Fatalf("%s.%s is not exported: the encoding cannot carry it", typ, f.Name)
				}
				ok := inner(strings.TrimPrefix(path+"."+f.Name, "."), f.Type, func(v reflect.Value, set func(reflect.Value)) { set(v.Field(n)) })
				if !ok {
					return
				}
			}
		default:
			t.Fatalf("%s is a %s: the encoding and this test know none so far", path, typ)
		}
	}
}
