-- event_ingest: exactly the privileges that the pipeline needs. Run this file once
-- as a superuser (or as a role with CREATEROLE that owns the tables), then create a
-- login for the pipeline:
--
--   CREATE ROLE shop_pipeline LOGIN PASSWORD '...' IN ROLE event_ingest;
--
-- ON CONFLICT needs SELECT to see the key, write_mode upsert needs UPDATE, and
-- upsert and the isolation of bad rows need TEMPORARY for their tables.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'event_ingest') THEN
    BEGIN
      CREATE ROLE event_ingest NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- another session created it
    END;
  END IF;
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO event_ingest', current_database());
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO event_ingest', current_schema());
  GRANT SELECT, INSERT, UPDATE ON user_events, rejected_events TO event_ingest;
END
$$;
