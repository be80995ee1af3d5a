package identity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

//promise:identity
func TestEvidenceDecidesWhichFileItIs(t *testing.T) {
	t.Parallel()
	was := Evidence{Path: "in/sub/a.csv", Stat: fileid.Stat{
		ID: fileid.ID{Dev: 1, Ino: 10}, Size: 100, Modified: 5_000_000_007, Changed: 6_000_000_000, Born: 4_000_000_000,
	}}
	for name, c := range map[string]struct {
		change  func(*Evidence)
		unborn  Relation // where the filesystem tells no birth time
		relates Relation
	}{
		"nothing differs": {func(*Evidence) {}, Unchanged, Unchanged},
		"appended":        {func(e *Evidence) { e.Size, e.Modified, e.Changed = 120, 7e9, 7e9 }, Changed, Changed},
		"rewritten":       {func(e *Evidence) { e.Modified, e.Changed = 7e9, 7e9 }, Changed, Changed},
		"touched back":    {func(e *Evidence) { e.Changed = 7e9 }, Changed, Changed},
		"renamed":         {func(e *Evidence) { e.Path, e.Changed = "in/b.csv", 7e9 }, Changed, Changed},
		"renamed and appended": {
			func(e *Evidence) { e.Path, e.Size, e.Modified, e.Changed = "in/b.csv", 120, 7e9, 7e9 }, Other, Changed,
		},
		"another device number": {func(e *Evidence) { e.ID.Dev = 2 }, Restored, Unchanged},
		"another device number and appended": {
			func(e *Evidence) { e.ID.Dev, e.Size, e.Modified, e.Changed = 2, 120, 7e9, 7e9 }, Extended, Changed,
		},
		"the inode given to another name": {
			func(e *Evidence) { e.Path, e.Modified, e.Changed, e.Born = "in/b.csv", 7e9, 7e9, 7e9 }, Other, Other,
		},
		"the inode given to the same name": {
			func(e *Evidence) { e.Modified, e.Changed, e.Born = 7e9, 7e9, 7e9 }, Changed, Other,
		},
		"the inode given to a longer file of the same name": {
			func(e *Evidence) { e.Size, e.Modified, e.Changed, e.Born = 120, 7e9, 7e9, 7e9 }, Changed, Extended,
		},
		"restored": {
			func(e *Evidence) { e.ID, e.Changed, e.Born = fileid.ID{Dev: 2, Ino: 20}, 7e9, 7e9 }, Restored, Restored,
		},
		"restored in whole seconds": {
			func(e *Evidence) { e.ID.Ino, e.Modified, e.Changed, e.Born = 20, 5e9, 7e9, 7e9 }, Restored, Restored,
		},
		"restored elsewhere": {
			func(e *Evidence) { e.Path, e.Name, e.ID.Ino, e.Born = "/srv/in/sub/a.csv", "sub/a.csv", 20, 7e9 }, Restored, Restored,
		},
		"a copy of another name": {
			func(e *Evidence) { e.Path, e.Name, e.ID.Ino, e.Born = "in/sub/b.csv", "sub/b.csv", 20, 7e9 }, Other, Other,
		},
		"a copy whose name only ends alike": {
			func(e *Evidence) { e.Path, e.Name, e.ID.Ino, e.Born = "x/ub/a.csv", "ub/a.csv", 20, 7e9 }, Other, Other,
		},
		"replaced by the same bytes": {
			func(e *Evidence) { e.ID.Ino, e.Modified, e.Changed, e.Born = 20, 7e9, 7e9, 7e9 }, Other, Other,
		},
		"replaced by a longer one": {
			func(e *Evidence) { e.ID.Ino, e.Size, e.Modified, e.Changed, e.Born = 20, 120, 7e9, 7e9, 7e9 }, Extended, Extended,
		},
		"replaced by a shorter one": {
			func(e *Evidence) { e.ID.Ino, e.Size, e.Modified, e.Changed, e.Born = 20, 90, 7e9, 7e9, 7e9 }, Other, Other,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := was
			c.change(&is)
			require.Equal(t, c.relates, Compare(was, is))
			is.Born = 0
			require.Equal(t, c.unborn, Compare(was, is), "without a birth time")
		})
	}
}
