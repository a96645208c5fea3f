// Package mutants plants bugs and shows that the tests find them.
//
// A mutant is a small change of the product's source that is made on the way to the compiler, by go build's -overlay; the
// source itself never has a trace of it. Each comes with its schedules: tests of the product that pass as it is and must fail
// with the mutant. Where the text that a mutant replaces is not there any more, exactly once, that fails too: then somebody
// has to think about the mutant anew.
//
// A short run looks whether all mutants still fit and tries two of them. MUSTER_MUTANTS=1, or make mutants, tries them all.
package mutants
