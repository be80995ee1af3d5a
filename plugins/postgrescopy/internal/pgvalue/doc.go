// Package pgvalue writes Go values as the fields of PostgreSQL's binary COPY.
//
// A value is taken for what it plainly is: an int for a text column, a number
// in a string for an int column, an object for a jsonb column. A string, and
// bytes for all but bytea, is read as PostgreSQL itself would read that text for
// the column's type, with the session's TimeZone at UTC and the other settings
// at their defaults, whatever they are in the session; a spelling whose meaning
// depends on settings, on the day, or on the server's version is refused with a
// reason, and never guessed.
//
// What is no string goes by these rules:
//
//   - A float or a json.Number fits an integer column when it is integral.
//   - A float becomes the numeric that its shortest decimal spells: 1.005 is
//     1.005, and not the nearest double.
//   - A number in a column of dates or times is Unix seconds, with a fraction; in
//     an interval it is seconds.
//   - A time.Time keeps its clock's reading in columns without a zone, as the
//     text of it would.
//   - Objects and arrays become JSON in json, jsonb and text columns. A string in
//     a json or jsonb column is JSON text already.
//   - An array fits an array column, nested ones its dimensions. An object or an
//     array fits a composite type by its fields' names or their order.
//
// Types without a binary encoder here (xml, money, tsvector, the geometric ones,
// those of most extensions, and what is made of them) give a [Column] whose Text
// is set: Append then writes the text form, and the server must be asked to cast
// it. The session's settings do count there.
//
// [Load] reads type definitions from the catalogue, [Types.Column] makes the
// writer of one column, and [Column.Append] writes one value. A Column and a
// Types never change after they are made, so many goroutines may use them.
package pgvalue
