//go:build !race

package lb_test

// raceDetector allocates on its own account.
const raceDetector = false
