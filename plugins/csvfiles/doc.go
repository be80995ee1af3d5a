// Package csvfiles provides the output `csv_files`: each batch becomes one CSV
// file that appears in its folder whole, or not at all.
//
// Importing the package registers the output. It exports nothing else.
package csvfiles
