-- The events of the shop.
--
-- The files in this folder are idempotent. Several programs may run them at once,
-- and so may a role without DDL privileges: if the tables exist, they change
-- nothing.
DO $$
BEGIN
  IF to_regclass('user_events') IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('user_events') AND attname = 'extra' AND NOT attisdropped)
       AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('user_events')), 'USAGE') THEN
      ALTER TABLE user_events ADD COLUMN extra jsonb; -- of a table that an earlier version created
    END IF;
    RETURN;
  END IF;
  CREATE TABLE user_events (
    event_id     uuid PRIMARY KEY, -- version 7: ascending keys, cheap to index
    user_id      bigint NOT NULL,
    session_id   uuid,
    event_type   text NOT NULL,
    product_id   bigint,
    product_name text,
    category     text,
    price        numeric(12, 2) CHECK (price >= 0 AND price <> 'NaN'),
    quantity     integer,
    "timestamp"  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    extra        jsonb -- columns of the files that the table does not have
  );
  COMMENT ON TABLE user_events IS 'Shop events as the pipeline stored them; created_at is the time of storage.';
END
$$;
