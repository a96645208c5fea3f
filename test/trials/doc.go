// Package trials holds the tests that hurt a cluster of real processes again and again, under load, and check after each
// time that nothing acknowledged is lost and that all nodes hold the same state. They are short by default;
// make trials runs them for as long as it takes to trust them.
package trials
