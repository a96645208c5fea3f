// Package eventually waits in tests for what must come.
//
// It owns the waiting alone. It is for tests of packages that internal/testcluster is built on, and which can't use it
// themselves; no package of the product imports it.
package eventually
