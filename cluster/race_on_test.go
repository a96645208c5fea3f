//go:build race

package cluster

// raceDetector tells whether the tests run with it.
const raceDetector = true
