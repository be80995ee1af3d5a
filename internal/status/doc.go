// Package status holds the state of a pipeline: what it reads, stores and rejects,
// how far behind it is, its bottleneck, and a history of one hour.
//
// Components publish: an input and an output register with the Board of their
// pipeline and count what they do, per batch and not per row. Readers pull: the
// live page and connect top ask for a Snapshot or for the History. The package
// knows neither Benthos nor HTTP.
package status
