// Package consistency judges what clients of a cluster have seen, for tests that do harm to it.
//
// It owns the record of what clients did, call by call, with the moments at which each began and ended: a [History]. It owns
// the rules of an instance at their simplest, and asks porcupine whether the record can be explained by them: whether there
// is one order of all calls that agrees with their answers and with the clock. It owns the comparison of what watchers were
// told, by index: [Sightings].
//
// It makes no calls and knows no cluster. A call of which nobody knows whether it was applied may count at any time after it
// began, or never.
package consistency
