// Package csvfiles provides the output `csv_files`, which writes each batch as a
// CSV file. A file appears in its folder complete or not at all.
//
// Importing the package registers the output. It exports nothing else.
package csvfiles
