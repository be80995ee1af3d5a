// Package pgvalue writes Go values as the fields of PostgreSQL's binary COPY.
//
// A value is taken for what it plainly is: an int for a text column, a number
// in a string for an int column, an object for a jsonb column. A string is read
// as PostgreSQL itself would read that text for the column's type, with the
// session's TimeZone at UTC and the other settings at their defaults; a spelling
// whose meaning depends on settings, on the day, or on the server's version is
// refused with a reason, and never guessed.
//
// [Load] reads type definitions from the catalogue, [Types.Column] makes the
// writer of one column, and [Column.Append] writes one value. A Column and a
// Types never change after they are made, so many goroutines may use them.
package pgvalue
