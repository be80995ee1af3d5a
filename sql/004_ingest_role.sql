-- event_ingest: the rights the pipeline needs and no more. Run this file once
-- as a superuser (or a role with CREATEROLE that owns the tables), then give
-- the pipeline a login of its own:
--
--   CREATE ROLE shop_pipeline LOGIN PASSWORD '...' IN ROLE event_ingest;
--
-- SELECT is for ON CONFLICT, which must see the key; UPDATE for write_mode
-- upsert; TEMPORARY for the tables that upsert and the search for bad rows use.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'event_ingest') THEN
    BEGIN
      CREATE ROLE event_ingest NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- another session was quicker
    END;
  END IF;
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO event_ingest', current_database());
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO event_ingest', current_schema());
  GRANT SELECT, INSERT, UPDATE ON user_events, rejected_events TO event_ingest;
END
$$;
