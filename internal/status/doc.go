// Package status keeps how a pipeline stands: what comes in, what is stored or
// refused, how far behind it is, what holds it up, and the last hour of it.
//
// Components publish: an input and an output register with the Board of their
// pipeline and count what they do, per batch and not per row. Readers pull: the
// live page and connect top ask for a Snapshot or for the History. The package
// knows neither Benthos nor HTTP.
package status
