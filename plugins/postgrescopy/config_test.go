package postgrescopy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestAWrongConfigurationFailsLintAndCheck(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, yaml, message string }{
		{"keys in append mode", "primary_keys: [ id ]", "`primary_keys` has no meaning with `write_mode: append`: set `write_mode` to `ignore` or `upsert`, or remove `primary_keys`"},
		{"a mapping without columns", "args_mapping: root = []", "`args_mapping` gives values by position: list the columns that they are for in `columns`"},
		{"unknown fields of a mapping", "args_mapping: root = []\ncolumns: [ a ]\nunknown_fields: ignore", "`unknown_fields` has no meaning with `args_mapping`, which names no fields: remove one of them"},
		{"a key that is not written", "write_mode: upsert\nprimary_keys: [ a, b ]\ncolumns: [ a, c ]", "`primary_keys` names b, which `columns` does not list: add it to `columns`, or remove `columns` to write every column"},
		{"two mappings", "args_mapping: root = []\ncolumns: [ a ]\nmapping: root = this", "`mapping` and `args_mapping` both make the row: remove one of them"},
		{"a sequence of an ignore", "write_mode: ignore\nsequence_by: at", "`sequence_by` has no meaning without `write_mode: upsert`: set it, or remove `sequence_by`"},
		{"nothing in flight", "max_in_flight: 0", "`max_in_flight` must be at least 1"},
		{"one offset for all", "exactly_once: { channel: a, offset_token: '1' }", "`exactly_once.offset_token` is the same for every message: write an interpolation that yields the message's number, as in `${! @csv_row }`"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			yaml := "dsn: postgres://localhost/x\ntable: t\n" + c.yaml
			parsed, err := spec().ParseYAML(yaml, nil)
			require.NoError(t, err)
			_, err = configFromParsed(parsed)
			assert.EqualError(t, err, c.message)
			assert.Equal(t, []string{c.message}, lint(t, yaml))
		})
	}
}

// lint returns what linting an output of this configuration reports.
func lint(t *testing.T, yaml string) []string {
	t.Helper()
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	lints, err := linter.LintOutputYAML([]byte("postgres_copy:\n" + indent(yaml)))
	require.NoError(t, err)
	var found []string
	for _, l := range lints {
		found = append(found, l.What)
	}
	return found
}

func indent(yaml string) string {
	return "  " + strings.ReplaceAll(yaml, "\n", "\n  ")
}

func TestConfigurationsThatAreRightAreNotComplainedOf(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		"",
		"write_mode: upsert",
		"write_mode: ignore\nprimary_keys: [ id ]\ncolumns: [ id, v ]",
		"args_mapping: root = []\ncolumns: [ a ]",
		"mapping: root.a = 1\nunknown_fields: ignore",
		"args_mapping: ''\ninit_statement: ''\nunknown_fields: ignore",
		"table: events_${! this.country }",
		"exactly_once: { channel: \"${! @csv_channel }\", offset_token: \"${! @csv_row }\" }",
		"session: { synchronous_commit: \"off\" }\nstatement_timeout: 1m\ntls: { enabled: true }",
	} {
		full := "dsn: postgres://localhost/x\n" + yaml
		if len(yaml) < 6 || yaml[:6] != "table:" {
			full += "\ntable: t"
		}
		assert.Empty(t, lint(t, full), yaml)
		parsed, err := spec().ParseYAML(full, nil)
		require.NoError(t, err)
		_, err = configFromParsed(parsed)
		assert.NoError(t, err, yaml)
	}
}

//promise:secrets
func TestASecretIsNeverTold(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for _, dsn := range []string{
		"postgres://user:" + secret + "@local host/x",
		"postgres://user:" + secret + "@@localhost:x/x",
		"postgres://user:" + secret + "%zz@localhost/x",
		"postgres://user:1234/" + secret + "@localhost/x",
		"postgres://user:1234@" + secret + "@localhost/x",
		"postgres://user:1234@," + secret + "#@localhost/x",
		"host=localhost password=two " + secret + " port=5432",
		"postgres://user:" + secret + "#x@localhost:99999/x",
		"host=localhost password=" + secret + " port=x",
		"host=localhost password='" + secret,
		"host=localhost password=" + secret + " sslmode=nonsense",
		"postgres://user:" + secret + "@localhost/x?sslrootcert=/missing&sslmode=verify-ca",
	} {
		parsed, err := spec().ParseYAML("table: t\ndsn: '"+strings.ReplaceAll(dsn, "'", "''")+"'", nil)
		require.NoError(t, err)
		_, err = configFromParsed(parsed)
		require.ErrorContains(t, err, "the dsn cannot be used: ", dsn)
		assert.NotContains(t, err.Error(), secret, dsn)
	}
}

func TestInitFilesAreReadInOrderWithGlobs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"2.sql", "1.sql"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("-- "+name), 0o600))
	}
	parsed, err := spec().ParseYAML("dsn: postgres://localhost/x\ntable: t\ninit_statement: SELECT 1\ninit_files: [ '"+filepath.ToSlash(dir)+"/*.sql' ]", nil)
	require.NoError(t, err)
	conf, err := configFromParsed(parsed)
	require.NoError(t, err)
	var sql []string
	for _, s := range conf.initScripts {
		sql = append(sql, s.SQL)
	}
	assert.Equal(t, []string{"-- 1.sql", "-- 2.sql", "SELECT 1"}, sql)
}

func TestInitFilesThatAreNotThereAreTold(t *testing.T) {
	t.Parallel()
	o := newTestOutput(t, "postgres://localhost/x", "table: t\ninit_files: [ 'no/such/*.sql' ]")
	assert.Contains(t, o.log.String(), "init_files: no file matches no/such/*.sql")
}

func TestAGeneratedConfigurationHasNoLedger(t *testing.T) {
	t.Parallel()
	view, ok := service.GlobalEnvironment().GetOutputConfig("postgres_copy")
	require.True(t, ok)
	data, err := view.TemplateData()
	require.NoError(t, err)
	_, fields, found := strings.Cut(data.AdvancedConfigYAML, "\n  postgres_copy:\n")
	require.True(t, found)
	require.Contains(t, fields, "exactly_once:")
	parsed, err := spec().ParseYAML(strings.ReplaceAll(strings.ReplaceAll(fields, "!!!SECRET_SCRUBBED!!!", "host=db"), "\n    ", "\n")[4:], nil)
	require.NoError(t, err)
	conf, err := configFromParsed(parsed)
	require.NoError(t, err)
	require.Nil(t, conf.ledger)
}
