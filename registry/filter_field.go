package registry

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// resolve follows the path of a selector and returns the type it leads to, with durations as the strings they appear as.
func (s filterScope) resolve(path []string) (reflect.Type, error) {
	t, from := s.root, 0
	if local, ok := s.locals[path[0]]; ok {
		t, from = local, 1
	}
	for n := from; n < len(path); n++ {
		part := path[n]
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Struct:
			field, ok := fieldByName(t, part)
			if !ok {
				return nil, fmt.Errorf("unknown field %q; there are %s", strings.Join(path[:n+1], "."), strings.Join(fieldNames(t), ", "))
			}
			t = field
		case reflect.Map:
			t = t.Elem()
		case reflect.Slice:
			if _, err := strconv.ParseUint(part, 10, 31); err != nil {
				return nil, fmt.Errorf("%q is not a position in the list %s", part, strings.Join(path[:n], "."))
			}
			t = t.Elem()
		default:
			return nil, fmt.Errorf("%s has no field %q: it is %s", strings.Join(path[:n], "."), part, describe(t))
		}
	}
	return t, nil
}

// unfiltered is the name of fields that no filter sees.
const unfiltered = "-"

func fieldByName(t reflect.Type, name string) (reflect.Type, bool) {
	for field := range t.Fields() {
		if field.Tag.Get("bexpr") != name || name == unfiltered {
			continue
		}
		if field.Type == reflect.TypeFor[Duration]() {
			return reflect.TypeFor[string](), true
		}
		return field.Type, true
	}
	return nil, false
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		if name := field.Tag.Get("bexpr"); name != unfiltered {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func describe(t reflect.Type) string { return describeKind(t.Kind()) }

func describeKind(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Uint64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		return "a map"
	default:
		return "an object"
	}
}
