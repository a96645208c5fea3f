package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// changeTable prints a watch as a table that grows: a line for each instance when the watch begins, and then one for each
// change. It keeps what it was told, so that after an interruption it prints only what is different.
type changeTable struct {
	out, notes io.Writer

	known    map[string]instances // by service
	former   map[string]instances // what was known before a reset, until everything was told anew
	rows     [][]string           // of the events since the last id
	widths   []int
	named    []string // services that must be spoken of in the first set, even if there is nothing to show
	complete bool     // the first set has been printed
}

// instances are those of one service, by id.
type instances map[string]*registry.Instance

func newChangeTable(out, notes io.Writer, named []string) *changeTable {
	header := []string{"CHANGE", "SERVICE", "ID", "ADDRESS", "STATUS", "TAGS"}
	return &changeTable{out: out, notes: notes, named: named, known: map[string]instances{}, rows: [][]string{header}, widths: make([]int, len(header))}
}

// add takes one event, and prints what came of the set that ends with it.
func (t *changeTable) add(e wire.Event) error {
	var err error
	switch e.Event {
	case wire.EventReset:
		t.former, t.known = t.known, map[string]instances{}
	case wire.EventSnapshot:
		err = t.snapshot(e.Data)
	case wire.EventDelta:
		err = t.delta(e.Data)
	}
	if err != nil {
		return fmt.Errorf("the %s is not what the contract says, is this a muster node? %w", e.Event, err)
	}
	if e.ID == nil {
		return nil
	}
	for _, service := range slices.Sorted(maps.Keys(t.former)) { // nothing more was said of it
		t.replace(service, nil)
	}
	t.former = nil
	return t.print()
}

func (t *changeTable) snapshot(data []byte) error {
	var s wire.Discovered
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	t.replace(s.Service, s.Instances)
	return nil
}

// replace notes that a service has these instances and no others.
func (t *changeTable) replace(service string, now []*registry.Instance) {
	if former, ok := t.former[service]; ok {
		t.known[service] = former
		delete(t.former, service)
	}
	gone := maps.Clone(t.known[service])
	for _, i := range now {
		delete(gone, i.ID)
		t.put(i)
	}
	for _, id := range slices.Sorted(maps.Keys(gone)) {
		t.remove(service, id)
	}
}

func (t *changeTable) delta(data []byte) error {
	var d wire.Delta
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	for _, i := range d.Upserted {
		t.put(i)
	}
	for _, id := range d.Removed {
		t.remove(d.Service, id)
	}
	return nil
}

// put notes how an instance is, and has it printed if that is news.
func (t *changeTable) put(i *registry.Instance) {
	change := "added"
	switch before, ok := t.known[i.Service][i.ID]; {
	case ok && before.ModifyIndex == i.ModifyIndex:
		return
	case ok:
		change = "changed"
	case !t.complete:
		change = "present"
	}
	if t.known[i.Service] == nil {
		t.known[i.Service] = instances{}
	}
	t.known[i.Service][i.ID] = i
	t.rows = append(t.rows, []string{change, i.Service, i.ID, endpoint(i), condition(i), strings.Join(i.Tags, ",")})
}

func (t *changeTable) remove(service, id string) {
	if _, ok := t.known[service][id]; !ok {
		return
	}
	delete(t.known[service], id)
	t.rows = append(t.rows, []string{"removed", service, id, "", "", ""})
}

// print prints the rows, in columns that only ever get wider.
func (t *changeTable) print() error {
	if !t.complete {
		t.complete = true
		for _, service := range t.named {
			if len(t.known[service]) == 0 {
				fmt.Fprintf(t.notes, "%s has no instance that fits yet\n", service)
			}
		}
	}
	for _, row := range t.rows {
		for n, cell := range row {
			if cell == "" {
				row[n] = "-"
			}
			t.widths[n] = max(t.widths[n], utf8.RuneCountInString(row[n]))
		}
	}
	var text strings.Builder
	for _, row := range t.rows {
		last := len(row) - 1
		for n, cell := range row[:last] {
			fmt.Fprintf(&text, "%-*s  ", t.widths[n], cell)
		}
		text.WriteString(row[last] + "\n")
	}
	t.rows = nil
	_, err := io.WriteString(t.out, text.String())
	return err
}
