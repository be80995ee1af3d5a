// Package pgvalue writes Go values as the fields of PostgreSQL's binary COPY.
//
// A value is taken for what it plainly is: an int for a text column, a number
// in a string for an int column, an object for a jsonb column. A string, and
// bytes for all but bytea, is read as PostgreSQL itself would read that text for
// the column's type, with TimeZone at UTC. The usual spellings are read here.
// Others, such as 5 January 2021, are left to the server ([ValueError.Unread],
// [Column.Read]); now and today, whose meaning depends on the day, are refused.
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
// Only common types have a binary encoder here. For the others (intervals, ranges,
// bits, xml, money, the geometric ones, those of most extensions,
// and arrays of them) Text of the [Column] is set: Append writes the text form,
// and the server must be asked to cast it. The session's settings count there.
//
// [Load] reads type definitions from the catalogue, [Types.Column] makes the
// writer of one column, and [Column.Append] writes one value. A Column and a
// Types never change after they are made, so many goroutines may use them.
package pgvalue
