package csvrows

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// packed compresses content as the extension of name tells.
func packed(tb testing.TB, name, content string) string {
	tb.Helper()
	var b bytes.Buffer
	switch filepath.Ext(name) {
	case ".gz":
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(content))
		require.NoError(tb, err)
		require.NoError(tb, w.Close())
	case ".zst":
		w, err := zstd.NewWriter(&b)
		require.NoError(tb, err)
		_, err = w.Write([]byte(content))
		require.NoError(tb, err)
		require.NoError(tb, w.Close())
	default:
		return content
	}
	return b.String()
}
