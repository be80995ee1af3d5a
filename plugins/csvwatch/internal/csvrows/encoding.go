package csvrows

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// decoderFor returns the decoder of the named character set; nil for UTF-8, which needs none.
func decoderFor(name string) (*encoding.Decoder, error) {
	switch strings.ToLower(name) {
	case "", "utf-8", "utf8":
		return nil, nil
	case "utf-16", "utf16":
		// What Windows means by it: the byte order mark decides, and without one the low byte comes first.
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder(), nil
	}
	if enc, err := ianaindex.IANA.Encoding(name); err == nil && enc != nil {
		return enc.NewDecoder(), nil
	}
	if enc, err := htmlindex.Get(name); err == nil {
		return enc.NewDecoder(), nil
	}
	return nil, fmt.Errorf("encoding %q is not known: use an IANA name such as utf-16, iso-8859-1, windows-1252 or shift_jis", name)
}
