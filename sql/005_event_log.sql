-- A table without a key for config/keyless.yaml, and the ledger that prevents
-- duplicates in it (see docs/delivery-semantics.md).
DO $$
BEGIN
  IF to_regclass('event_log') IS NULL THEN
    CREATE TABLE event_log (LIKE user_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    CREATE INDEX event_log_timestamp_idx ON event_log USING brin ("timestamp");
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('event_log') AND attname = 'extra' AND NOT attisdropped)
     AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('event_log')), 'USAGE') THEN
    ALTER TABLE event_log ADD COLUMN extra jsonb; -- of a table that an earlier version created
  END IF;
  IF to_regclass('postgres_copy_ledger') IS NULL THEN
    CREATE TABLE postgres_copy_ledger (
      scope         text NOT NULL, -- the table whose rows are done
      channel       text NOT NULL,
      part          int8 NOT NULL,
      offsets       int8multirange NOT NULL,
      bits          bit(4096),
      low_watermark int8,
      updated_at    timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (scope, channel, part)
    ) WITH (fillfactor = 50);
  ELSIF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'postgres_copy_ledger'::regclass AND attname = 'scope') THEN
    -- A ledger of an earlier version: what is in it counts for every scope.
    ALTER TABLE postgres_copy_ledger
      DROP CONSTRAINT postgres_copy_ledger_pkey,
      ADD COLUMN scope text NOT NULL DEFAULT '',
      ADD COLUMN part int8 NOT NULL DEFAULT 0,
      ADD COLUMN bits bit(4096),
      ADD COLUMN low_watermark int8,
      ADD PRIMARY KEY (scope, channel, part);
  ELSIF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'postgres_copy_ledger'::regclass AND attname = 'bits') THEN
    ALTER TABLE postgres_copy_ledger ADD COLUMN bits bit(4096);
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'event_ingest')
     AND NOT has_table_privilege('event_ingest', 'event_log', 'INSERT') THEN
    GRANT SELECT, INSERT, UPDATE ON event_log, postgres_copy_ledger TO event_ingest;
    GRANT DELETE ON postgres_copy_ledger TO event_ingest;
  END IF;
END
$$;
