package registry_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/musterhq/muster/registry"
)

// sized returns a State with one service of n instances, every second of which is unhealthy.
func sized(b *testing.B, n int) *registry.State {
	b.Helper()
	edit := registry.NewState().Edit()
	for i := range n {
		in := registered(i)
		in.Status = registry.Healthy
		if i%2 == 1 {
			in.Status = registry.Unhealthy
		}
		in.ModifyIndex = uint64(i) + 1
		edit.Put(&in)
	}
	edit.SetIndex(uint64(n))
	return edit.Commit()
}

func registered(n int) registry.Instance {
	return instance(func(i *registry.Instance) {
		i.ID, i.Tags = fmt.Sprintf("10.0.%d.%d:8080", n/256, n%256), []string{"v2"}
		i.Metadata = map[string]string{"version": "2.3.1"}
	})
}

// BenchmarkRegister replaces one instance and commits: what a lone registration costs the state.
func BenchmarkRegister(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("into %d", n), func(b *testing.B) {
			s, i := sized(b, n), registered(n/2)
			b.ReportAllocs()
			for b.Loop() {
				i.Port = 1 + i.Port%65_535
				edit := s.Edit()
				if _, err := edit.Apply(s.Index()+1, registry.Register{Instance: i}); err != nil {
					b.Fatal(err)
				}
				s = edit.Commit()
			}
		})
	}
}

// BenchmarkRegisterInOneEdit is the same with 512 operations in one Edit, each at its own index.
func BenchmarkRegisterInOneEdit(b *testing.B) {
	s := sized(b, 10_000)
	ops := make([]registry.Register, 512)
	for n := range ops {
		ops[n].Instance = registered(n)
	}
	b.ReportAllocs()
	for b.Loop() {
		edit, index := s.Edit(), s.Index()
		for n := range ops {
			ops[n].Instance.Port = 1 + ops[n].Instance.Port%65_535
			index++
			if _, err := edit.Apply(index, ops[n]); err != nil {
				b.Fatal(err)
			}
		}
		s = edit.Commit()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(ops)), "ns/instance")
}

func BenchmarkRegisterAgainTheSame(b *testing.B) {
	s := registry.NewState()
	op := registry.Register{Instance: registered(1)}
	edit := s.Edit()
	if _, err := edit.Apply(1, op); err != nil {
		b.Fatal(err)
	}
	s = edit.Commit()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Edit().Apply(2, op); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	i := registered(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := i.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	filter, err := registry.CompileFilter(`zone == "eu-1a" or metadata.version == "2.3.1"`)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{10, 10_000} {
		service := sized(b, n).Service("payments")
		for _, c := range []struct {
			name  string
			query registry.Query
		}{
			{"plain", registry.Query{}},
			{"by tag", registry.Query{Tags: []string{"v2"}}},
			{"by filter", registry.Query{Filter: filter}},
		} {
			b.Run(fmt.Sprintf("%s of %d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := service.Select(c.query); len(got) != n/2 {
						b.Fatalf("selected %d", len(got))
					}
				}
			})
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{0, 5_000} {
		for _, waiters := range []int{0, 5_000} {
			b.Run(fmt.Sprintf("to %d subscribers and %d waiters", subscribers, waiters), func(b *testing.B) {
				p := registry.NewPublisher(at(1))
				for range subscribers {
					s := p.Subscribe("payments")
					defer s.Close()
				}
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				for range waiters {
					go func() { _ = p.Await(ctx, 1<<60) }()
				}
				s, changed := at(2), []string{"payments"}
				b.ReportAllocs()
				for b.Loop() {
					p.Publish(s, changed)
				}
			})
		}
	}
}

func BenchmarkDiscover(b *testing.B) {
	reg := registry.New()
	for n := range 10 {
		if _, err := reg.Register(registered(n)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if found, err := reg.Discover("payments"); err != nil || len(found) != 10 {
			b.Fatal(found, err)
		}
	}
}
