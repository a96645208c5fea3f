// Package breaker keeps a program from calling what will fail: a circuit breaker that stands between a caller and
// something that may be down, and refuses calls for a while once too many of them went wrong.
//
// It owns
//   - the verdict on a call: an [Outcome], by a [Config]'s Classify or as the caller tells it;
//   - the reasons to open: failures in a row, the share of failed calls and the share of slow ones, over the last N calls
//     or the last so many seconds;
//   - the way back: an open time with growth and jitter, then a bounded number of probes;
//   - [Group], which has one [Breaker] for every instance and one for every service.
//
// A Breaker's life is a sequence of periods, closed, open and half-open in turn. A call belongs to the period that let it
// in, and its result counts there or, if that period is over, nowhere. So an answer that took its time says nothing about
// a callee that has been restarted since.
//
// # Promises
//
//   - The function runs outside every lock, and so does the hook that hears of changes.
//   - Whatever becomes of a function that was let in, the breaker goes on: it may return, panic, end its goroutine or never
//     come back. A probe holds its place on a lease.
//   - A panic is counted and passed on with its stack whole.
//   - A call that its caller gave up counts neither way.
//   - Nothing is allocated for a call that is let in and none for one that is refused, and no goroutine is kept.
//
// It never makes calls of its own, tries again, logs, or knows what a service is. It imports nothing but the standard
// library. Package lb has a Breaker for each instance, and chooses none that is open.
package breaker
