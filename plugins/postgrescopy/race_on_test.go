//go:build race

package postgrescopy

// raceDetector reports whether the test was built with the race detector.
const raceDetector = true
