//go:build race

package grpcresolver

const raceDetector = true // which drops some of what is pooled
