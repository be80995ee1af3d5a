//go:build !race

package postgrescopy

// raceDetector tells that the test was built with the race detector.
const raceDetector = false
