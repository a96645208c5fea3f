//go:build !race

package grpcresolver

const raceDetector = false
