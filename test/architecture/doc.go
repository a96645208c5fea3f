// Package architecture keeps the rules of the house and fails where the code breaks one, with a line that says where and
// what to do.
//
// It owns the table of floors ([floors]) and one file a rule. A rule is a function from what was read of the source to
// its offenders, so that each is shown to catch one. It reads source text and import graphs; it never runs the code, and
// nothing imports it.
package architecture
