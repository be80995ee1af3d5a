// Package csvwatch registers the input csv_watch: a folder of CSV files, read as it grows and changes, as batches of
// structured rows that resume where they were after a restart.
//
// This package knows Benthos; what it does is in the packages below internal, which do not.
package csvwatch
