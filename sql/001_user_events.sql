-- The events of the shop, one row each.
--
-- Every file here may be run again at any time, by several programs at once,
-- and by a role that may only write rows: what exists is left alone, and
-- nothing is asked of the schema unless the table is missing.
DO $$
BEGIN
  IF to_regclass('user_events') IS NOT NULL THEN
    RETURN;
  END IF;
  CREATE TABLE user_events (
    event_id     uuid PRIMARY KEY, -- version 7: new keys go to the right edge of the index
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
  COMMENT ON TABLE user_events IS 'Shop events as the pipeline stored them; created_at is when they arrived here.';
END
$$;
