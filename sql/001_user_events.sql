-- The events of the shop.
--
-- The files in this folder are idempotent. Several programs may run them at once,
-- and so may a role without DDL privileges: if the tables exist, they change
-- nothing.
DO $$
BEGIN
  IF to_regclass('user_events') IS NOT NULL THEN
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
    created_at   timestamptz NOT NULL DEFAULT now()
  );
  COMMENT ON TABLE user_events IS 'Shop events as the pipeline stored them; created_at is the time of storage.';
END
$$;
