// Package mesh holds the tests of calls by the name of a service while its instances, and the registry's nodes, come and
// go: everything is a process of its own, the callers go through the SDK, and each POST that was handled is known by its id.
// They are short by default; make mesh runs them with twenty instances at 500 calls a second.
package mesh
