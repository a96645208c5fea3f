// Package overlay builds the product with small changes that its source does not have, for tests: planted bugs, or what another
// version would do. A change replaces a text that must stand in a file exactly once, so that one that does not fit any more
// is noticed.
package overlay
