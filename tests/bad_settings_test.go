package tests

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

func TestAWrongPasswordIsLoggedAndRetried(t *testing.T) {
	t.Parallel()
	s, _ := rig.NewSiteWithServer(t)
	s.DB.CreateTables()
	s.DB.Exec(s.Schema("004_ingest_role.sql"))
	s.DB.Exec("CREATE ROLE shop_pipeline LOGIN PASSWORD 'wrong-as-yet' IN ROLE event_ingest")
	dsn := changedDSN(s, func(u *url.URL) { u.User = url.UserPassword("shop_pipeline", "open-sesame") })

	s.DropFile("a.csv", rig.Header+"\n"+rig.Record(1)+"\n"+rig.RecordWith("price", "abc")+"\n"+rig.RecordWith("user_id", "guest")+"\n")
	p := s.Pipeline("POSTGRES_DSN=" + dsn)
	p.AwaitLine(`level=error .*password authentication failed for user .*shop_pipeline`)
	p.RequireNoPassword(dsn)
	s.DB.Exec("ALTER ROLE shop_pipeline PASSWORD 'open-sesame'")
	// The role has the rights of 004_ingest_role.sql and no more; they do.
	s.DB.AwaitStored(1)
	s.DB.AwaitRejected(2)
	s.DB.Require("postgres", "SELECT tableowner FROM pg_tables WHERE tablename = 'user_events'")
	p.RequireCalm(4)
	p.Terminate()
}

func TestAMissingDatabaseIsLoggedAndRetried(t *testing.T) {
	t.Parallel()
	s, _ := rig.NewSiteWithServer(t)
	dsn := changedDSN(s, func(u *url.URL) { u.Path = "/shop_of_tomorrow" })
	s.DropFile("a.csv", rig.CSVFile(0, 10))
	p := s.Pipeline("POSTGRES_DSN=" + dsn)
	p.AwaitLine(`level=error .*shop_of_tomorrow.* does not exist`)
	s.DB.Exec("CREATE DATABASE shop_of_tomorrow")
	rig.OpenDatabase(s, dsn).AwaitStored(10)
	p.RequireCalm(4)
	p.Terminate()
}

func TestAMissingTableIsLoggedAndRetried(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DB.CreateTables()
	s.DropFile("a.csv", rig.CSVFile(0, 10))
	p := s.PipelineWith([]string{"--set", "output.postgres_copy.table=shop_events"})
	p.AwaitLine(`level=error .*no table shop_events: create it`)
	s.DB.Exec("CREATE TABLE shop_events (LIKE user_events INCLUDING ALL)")
	s.DB.Await("10", "SELECT count(*) FROM shop_events")
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	s.DB.Require("0", "SELECT count(*) FROM user_events")
	p.RequireCalm(4)
	p.Terminate()
}

func TestAMissingColumnIsLoggedWhenConnecting(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DB.CreateTables()
	s.EditConfig("pipeline.yaml", "primary_keys: [event_id]", "primary_keys: [event_id]\n    columns: ["+strings.ReplaceAll(rig.Header, ",", ", ")+", campaign]")
	s.EditConfig("mappings/user_event.blobl", "root.event_type = ", "root.campaign = \"spring\"\nroot.event_type = ")
	p := s.Pipeline()
	p.AwaitLine(`level=error .*campaign`) // before there is any row
	s.DropFile("a.csv", rig.CSVFile(0, 10))
	s.DB.Exec("ALTER TABLE user_events ADD campaign text")
	s.DB.AwaitStored(10)
	s.DB.Require("10", "SELECT count(*) FROM user_events WHERE campaign = 'spring'")
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.RequireCalm(4)
	p.Terminate()
}

func TestARowWithAnUnknownFieldIsRejected(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.EditConfig("pipeline.yaml", "unknown_fields: collect", "unknown_fields: error")
	s.EditConfig("mappings/user_event.blobl", "root.event_type = ", "root.campaign = if this.user_id == \"3\" { \"spring\" } else { deleted() }\nroot.event_type = ")
	s.DropFile("a.csv", rig.CSVFile(0, 10))
	p := s.Pipeline()
	s.DB.AwaitRejected(1)
	s.DB.AwaitStored(9)
	s.DB.Require("true", "SELECT reason LIKE '%campaign%' AND stage = 'database' AND row_number = 4 FROM rejected_events")
	p.Terminate()
}

func TestAnInvalidDSNFailsTheStart(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"no DSN at all": "hush-hush",
		"a bad port":    "postgres://shop:hush-hush@127.0.0.1:port/shop",
		"a bad setting": "postgres://shop:hush-hush@127.0.0.1:5432/shop?sslmode=perhaps",
	} {
		t.Run(name, func(t *testing.T) {
			s := rig.NewSite(t)
			p := s.Pipeline("POSTGRES_DSN=" + dsn)
			p.AwaitFailure() // it is found out before anything runs
			require.Len(t, p.Lines("the dsn cannot be used: "), 1)
			require.NotContains(t, p.Output(), "hush-hush")
		})
	}
}

// changedDSN returns the site's DSN with something changed.
func changedDSN(s *rig.Site, change func(*url.URL)) string {
	s.T.Helper()
	u, err := url.Parse(s.DSN)
	require.NoError(s.T, err)
	change(u)
	return u.String()
}
