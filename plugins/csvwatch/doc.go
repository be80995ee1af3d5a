// Package csvwatch registers the input csv_watch, which reads folders of growing CSV files as batches of structured rows
// and resumes after a restart.
//
// Only this package knows Benthos; the packages in internal do the work.
package csvwatch
