-- The events in a table that is partitioned by day, for config/scale, and what
-- makes its partitions ahead and drops old ones. A row whose day has no
-- partition goes to the default one, and is moved when its partition is made.
DO $$
BEGIN
  IF to_regclass('events_by_day') IS NULL THEN
    CREATE TABLE events_by_day (LIKE user_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
      PARTITION BY RANGE ("timestamp");
    CREATE TABLE events_by_day_default PARTITION OF events_by_day DEFAULT;
    CREATE INDEX events_by_day_timestamp_idx ON events_by_day USING brin ("timestamp");
    COMMENT ON TABLE events_by_day IS 'Shop events by the day of their timestamp, in UTC.';
  END IF;
  IF to_regclass('events_by_day_maintenance') IS NOT NULL THEN
    RETURN;
  END IF;

  -- maintain_events_by_day makes the partitions from yesterday up to so many days
  -- ahead, and drops the days, and rows of the default partition, that lie more
  -- than so many days back. It returns what it did, in words.
  CREATE OR REPLACE FUNCTION maintain_events_by_day(ahead integer DEFAULT 7, keep integer DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '30s' AS $f$
  DECLARE
    today   date := (now() AT TIME ZONE 'UTC')::date;
    day     date;
    name    text;
    made    integer := 0;
    dropped integer := 0;
    removed bigint := 0;
  BEGIN
    IF ahead NOT BETWEEN 0 AND 366 OR keep < 1 THEN
      RAISE EXCEPTION 'ahead must be from 0 to 366 days, and keep at least 1';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('maintain_events_by_day'));
    FOR i IN -1 .. ahead LOOP
      day := today + i;
      name := 'events_by_day_' || to_char(day, 'YYYYMMDD');
      CONTINUE WHEN to_regclass(name) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I (LIKE events_by_day INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', name);
      -- Nobody may store a row of this day in the default partition from here on.
      LOCK TABLE events_by_day_default IN ACCESS EXCLUSIVE MODE;
      EXECUTE format(
        'WITH moved AS (DELETE FROM events_by_day_default WHERE "timestamp" >= %1$L AND "timestamp" < %2$L RETURNING *) INSERT INTO %3$I SELECT * FROM moved',
        day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00', name);
      EXECUTE format('ALTER TABLE events_by_day ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
      made := made + 1;
    END LOOP;
    IF keep IS NOT NULL THEN
      FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'events_by_day'::regclass AND c.relname ~ '^events_by_day_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep
      LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
      END LOOP;
      DELETE FROM events_by_day_default WHERE "timestamp" < (today - keep)::timestamp AT TIME ZONE 'UTC';
      GET DIAGNOSTICS removed = ROW_COUNT;
    END IF;
    RETURN format('%s partitions made, %s dropped, %s rows removed from the default partition', made, dropped, removed);
  END
  $f$;
  REVOKE EXECUTE ON FUNCTION maintain_events_by_day FROM PUBLIC;

  CREATE TABLE events_by_day_maintenance (
    at    timestamptz NOT NULL DEFAULT now(),
    ahead integer NOT NULL,
    keep  integer,
    done  text
  );
  COMMENT ON TABLE events_by_day_maintenance IS 'A row that is inserted here runs maintain_events_by_day(ahead, keep); done is what it did.';
  CREATE OR REPLACE FUNCTION events_by_day_maintain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $f$
  BEGIN
    NEW.done := maintain_events_by_day(NEW.ahead, NEW.keep);
    RETURN NEW;
  END
  $f$;
  CREATE TRIGGER maintain BEFORE INSERT ON events_by_day_maintenance
    FOR EACH ROW EXECUTE FUNCTION events_by_day_maintain();

  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'event_ingest') THEN
    GRANT SELECT, INSERT ON events_by_day, events_by_day_maintenance TO event_ingest;
  END IF;
END
$$;
