// Package chaos holds the tests that do to a cluster of real processes whatever a bad night does, while clients write, read
// and watch, and then ask whether what the clients saw can be explained by the contract.
package chaos
