package store

import (
	"iter"
	"slices"

	"github.com/musterhq/muster/registry"
)

// change is one record to write or, without a value, to remove.
type change struct {
	key, value []byte
}

// changes yields what makes the records of old into those of next. What both states share costs a comparison of pointers:
// one for each service, and one for each instance of a service that has changed.
func changes(old, next *registry.State) iter.Seq[change] {
	return func(yield func(change) bool) {
		for was, is := range pairs(old.Services(), next.Services(), (*registry.Service).Name) {
			if was == is {
				continue
			}
			for c := range serviceChanges(was, is) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// serviceChanges yields what makes the records of one service into those of the next; nil is a service that is not there.
func serviceChanges(was, is *registry.Service) iter.Seq[change] {
	return func(yield func(change) bool) {
		switch {
		case is == nil:
			if !yield(change{key: serviceKey(was.Name())}) {
				return
			}
		case was == nil || was.Index() != is.Index():
			if !yield(change{key: serviceKey(is.Name()), value: encodeService(is)}) {
				return
			}
		}
		for was, is := range pairs(instances(was), instances(is), func(i *registry.Instance) string { return i.ID }) {
			switch {
			case was == is:
				continue
			case is == nil:
				if !yield(change{key: instanceKey(was.Service, was.ID)}) {
					return
				}
			default:
				if !yield(change{key: instanceKey(is.Service, is.ID), value: encodeInstance(is)}) {
					return
				}
			}
		}
	}
}

func instances(s *registry.Service) iter.Seq[*registry.Instance] {
	if s == nil {
		return func(func(*registry.Instance) bool) {}
	}
	return s.Instances()
}

// pairs walks two sequences side by side, both in the order of a key that nothing has twice. What has the same key in both
// comes together, what is in one alone comes with nil.
func pairs[T any](left, right iter.Seq[*T], key func(*T) string) iter.Seq2[*T, *T] {
	return func(yield func(*T, *T) bool) {
		rest := slices.Collect(left) // of pointers, and several times faster than iter.Pull
		for r := range right {
			for len(rest) > 0 && key(rest[0]) < key(r) {
				if !yield(rest[0], nil) {
					return
				}
				rest = rest[1:]
			}
			var l *T
			if len(rest) > 0 && key(rest[0]) == key(r) {
				l, rest = rest[0], rest[1:]
			}
			if !yield(l, r) {
				return
			}
		}
		for _, l := range rest {
			if !yield(l, nil) {
				return
			}
		}
	}
}
