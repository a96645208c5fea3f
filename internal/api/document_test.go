package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/registry"
)

// What the registry owns, and what the path carries.
var (
	ownedByRegistry = []string{"Status", "Reported", "Maintenance", "CreateIndex", "ModifyIndex", "Incarnation", "Expired", "LeaseIndex", "Output", "Preserved"}
	inThePath       = []string{"Service", "ID"}
)

func TestADocumentCarriesAllThatAClientCanSay(t *testing.T) {
	var want registry.Instance
	fill(reflect.ValueOf(&want).Elem(), append(slices.Clone(ownedByRegistry), inThePath...))

	body, err := json.Marshal(documentOf(want))
	if err != nil {
		t.Fatal(err)
	}
	var got registry.Instance
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("said (-) and sent (+):\n%s", diff)
	}
}

// fill sets every field, so that one which is added later and forgotten here is missed.
func fill(v reflect.Value, except []string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !slices.Contains(except, v.Type().Field(i).Name) {
				fill(v.Field(i), except)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), except)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), except)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key"), reflect.ValueOf("value"))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.SetInt(7)
	}
}
