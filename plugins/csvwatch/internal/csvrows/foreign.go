package csvrows

import (
	"bytes"
	"unicode/utf8"
)

// headBytes is how much of a content is enough to know what it is.
const headBytes = 128

// foreign are the first bytes of contents that cannot be read as they are.
var foreign = []struct{ begins, reason string }{
	{"\x1F\x8B", "the content is compressed with gzip: give the file a name that ends in .gz"},
	{"\x28\xB5\x2F\xFD", "the content is compressed with zstd: give the file a name that ends in .zst"},
	{"BZh91AY&SY", "the content is compressed with bzip2, which is not read: compress it with gzip or zstd"},
	{"\xFD7zXZ\x00", "the content is compressed with xz, which is not read: compress it with gzip or zstd"},
	{"7z\xBC\xAF\x27\x1C", "the content is a 7-Zip archive: unpack it, or compress each file with gzip or zstd"},
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "the content is an Excel workbook (.xls), not CSV: save it from Excel as CSV UTF-8"},
	{"\xFF\xFE\x00\x00", "the content is UTF-32, which is not read: convert it to UTF-8"}, // a NUL character in UTF-16
	{"\x00\x00\xFE\xFF", "the content is UTF-32, which is not read: convert it to UTF-8"},
	{"PAR1", "the content is a Parquet file, not CSV: export it as CSV"},
	{"%PDF-", "the content is a PDF document, not CSV"},
	{"<!DOCTYPE ", "the content is an HTML page, not CSV: its download may have ended in an error page or a login"},
	{"<!doctype ", "the content is an HTML page, not CSV: its download may have ended in an error page or a login"},
	{"<html", "the content is an HTML page, not CSV: its download may have ended in an error page or a login"},
	{zipFile, ""}, // see zipReason
	{"PK\x05\x06", "the content is an empty ZIP file"},
}

// utf16Marks are the first bytes of UTF-16, which can be read where Options.Encoding says so.
var utf16Marks = []string{"\xFF\xFE", "\xFE\xFF"}

const zipFile = "PK\x03\x04"

// sniff returns why a content that begins with b cannot be read as it is, or nothing. It is undecided when that depends on
// bytes that are not there.
func sniff(b []byte, converts bool) (reason string, undecided bool) {
	begun := func(mark string) bool { return len(b) < len(mark) && bytes.HasPrefix([]byte(mark), b) }
	for _, f := range foreign {
		switch {
		case len(b) > 0 && b[0] != f.begins[0]: // most of them, at once
		case begun(f.begins):
			undecided = true
		case !bytes.HasPrefix(b, []byte(f.begins)):
		case f.begins == zipFile:
			return zipReason(b), len(b) < headBytes
		default:
			return f.reason, false
		}
	}
	for _, mark := range utf16Marks {
		switch {
		case converts:
		case begun(mark):
			undecided = true
		case bytes.HasPrefix(b, []byte(mark)):
			return "the content begins like UTF-16: set encoding to utf-16", undecided
		}
	}
	return "", undecided
}

// zipReason distinguishes workbooks, which are ZIP files, from others by the name of the first entry.
func zipReason(b []byte) string {
	const nameLength, name = 26, 30 // offsets in the header of an entry
	if len(b) > name {
		entry := b[name:min(len(b), name+int(b[nameLength]))]
		for _, begins := range []string{"[Content_Types].xml", "_rels/", "docProps/", "xl/"} {
			if bytes.HasPrefix(entry, []byte(begins)) {
				return "the content is an Excel workbook (.xlsx), not CSV: save it from Excel as CSV UTF-8"
			}
		}
		if bytes.HasPrefix(entry, []byte("mimetype")) {
			return "the content is an OpenDocument spreadsheet (.ods), not CSV: save it as CSV"
		}
	}
	return "the content is a ZIP file: unpack it, or compress each file with gzip or zstd"
}

// utf16Reason returns why a first line is UTF-16 that is not known as such, or nothing. Delimiters, digits and Latin letters
// have a NUL byte in UTF-16, and letters of other alphabets a small one, always at the same side of the other byte.
func utf16Reason(line []byte) string {
	var nuls, small [2]int
	for i, c := range line {
		if c < ' ' && c != '\t' {
			small[i%2]++
		}
		if c == 0 {
			nuls[i%2]++
			if other := i ^ 1; other < len(line) && line[other] >= utf8.RuneSelf {
				return "" // that is no character of a delimiter or a digit
			}
		}
	}
	switch {
	case nuls[0] == 0 && nuls[1] > 0 && small[1] > 1:
		return "the content is UTF-16 without a byte order mark: set encoding to utf-16le"
	case nuls[1] == 0 && nuls[0] > 0 && small[0] > 1:
		return "the content is UTF-16 without a byte order mark: set encoding to utf-16be"
	}
	return ""
}
