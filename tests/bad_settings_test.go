package tests

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWrongPasswordIsLoggedAndRetried(t *testing.T) {
	t.Parallel()
	s, _ := newSiteOfItsOwn(t)
	s.db.makeTables()
	s.db.exec(s.schema("004_ingest_role.sql"))
	s.db.exec("CREATE ROLE shop_pipeline LOGIN PASSWORD 'wrong-as-yet' IN ROLE event_ingest")
	dsn := s.withDSN(func(u *url.URL) { u.User = url.UserPassword("shop_pipeline", "open-sesame") })

	s.dropFile("a.csv", header+"\n"+record(1)+"\n"+with("price", "abc")+"\n"+with("user_id", "guest")+"\n")
	p := s.pipeline("POSTGRES_DSN=" + dsn)
	p.awaitLine(`level=error .*password authentication failed for user .*shop_pipeline`)
	requireSecret(t, p, dsn)
	s.db.exec("ALTER ROLE shop_pipeline PASSWORD 'open-sesame'")
	// The role has the rights of 004_ingest_role.sql and no more; they do.
	s.db.awaitStored(1)
	s.db.awaitRejected(2)
	s.db.require("postgres", "SELECT tableowner FROM pg_tables WHERE tablename = 'user_events'")
	p.requireCalm(4)
	p.terminate()
}

func TestAMissingDatabaseIsLoggedAndRetried(t *testing.T) {
	t.Parallel()
	s, _ := newSiteOfItsOwn(t)
	dsn := s.withDSN(func(u *url.URL) { u.Path = "/shop_of_tomorrow" })
	s.dropFile("a.csv", csvFile(0, 10))
	p := s.pipeline("POSTGRES_DSN=" + dsn)
	p.awaitLine(`level=error .*shop_of_tomorrow.* does not exist`)
	s.db.exec("CREATE DATABASE shop_of_tomorrow")
	openDatabase(s, dsn).awaitStored(10)
	p.requireCalm(4)
	p.terminate()
}

func TestAMissingTableIsLoggedAndRetried(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.db.makeTables()
	s.dropFile("a.csv", csvFile(0, 10))
	p := s.pipelineWith([]string{"--set", "output.postgres_copy.table=shop_events"})
	p.awaitLine(`level=error .*no table shop_events: create it`)
	s.db.exec("CREATE TABLE shop_events (LIKE user_events INCLUDING ALL)")
	s.db.await("10", "SELECT count(*) FROM shop_events")
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	s.db.require("0", "SELECT count(*) FROM user_events")
	p.requireCalm(4)
	p.terminate()
}

func TestAMissingColumnIsLoggedWhenConnecting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.db.makeTables()
	s.edit("pipeline.yaml", "primary_keys: [event_id]", "primary_keys: [event_id]\n    columns: ["+strings.ReplaceAll(header, ",", ", ")+", campaign]")
	s.edit("mappings/user_event.blobl", "root.event_type = ", "root.campaign = \"spring\"\nroot.event_type = ")
	p := s.pipeline()
	p.awaitLine(`level=error .*campaign`) // before there is any row
	s.dropFile("a.csv", csvFile(0, 10))
	s.db.exec("ALTER TABLE user_events ADD campaign text")
	s.db.awaitStored(10)
	s.db.require("10", "SELECT count(*) FROM user_events WHERE campaign = 'spring'")
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.requireCalm(4)
	p.terminate()
}

func TestARowWithAnUnknownFieldIsRejected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.edit("pipeline.yaml", "unknown_fields: collect", "unknown_fields: error")
	s.edit("mappings/user_event.blobl", "root.event_type = ", "root.campaign = if this.user_id == \"3\" { \"spring\" } else { deleted() }\nroot.event_type = ")
	s.dropFile("a.csv", csvFile(0, 10))
	p := s.pipeline()
	s.db.awaitRejected(1)
	s.db.awaitStored(9)
	s.db.require("true", "SELECT reason LIKE '%campaign%' AND stage = 'database' AND row_number = 4 FROM rejected_events")
	p.terminate()
}

func TestAnInvalidDSNFailsTheStart(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"no DSN at all": "hush-hush",
		"a bad port":    "postgres://shop:hush-hush@127.0.0.1:port/shop",
		"a bad setting": "postgres://shop:hush-hush@127.0.0.1:5432/shop?sslmode=perhaps",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			p := s.pipeline("POSTGRES_DSN=" + dsn)
			p.awaitFailure() // it is found out before anything runs
			require.Len(t, p.lines("the dsn cannot be used: "), 1)
			require.NotContains(t, p.output.String(), "hush-hush")
		})
	}
}

// withDSN is the site's DSN with something changed.
func (s *site) withDSN(change func(*url.URL)) string {
	s.t.Helper()
	u, err := url.Parse(s.dsn)
	require.NoError(s.t, err)
	change(u)
	return u.String()
}
