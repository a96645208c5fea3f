// Package harm does to the files of a stopped node what a bad disk does, for tests: a bit flips, or a file ends too early.
package harm
