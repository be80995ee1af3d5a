-- Records that could not be stored in user_events, with the reason.
DO $$
BEGIN
  IF to_regclass('rejected_events') IS NULL THEN
    CREATE TABLE rejected_events (
      id          uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- the pipeline derives it from the file and the row number
      rejected_at timestamptz NOT NULL DEFAULT now(),
      stage       text NOT NULL CHECK (stage IN ('parse', 'mapping', 'database')),
      reason      text NOT NULL,
      path        text,
      row_number  bigint,
      raw         text
    );
    COMMENT ON TABLE rejected_events IS 'Records that could not be parsed, mapped or stored.';
    COMMENT ON COLUMN rejected_events.raw IS 'The original record, truncated if very long; NUL and invalid UTF-8 bytes as \xNN.';
  END IF;
  IF (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('rejected_events') AND attname IN ('channel', 'header', 'replayed_at', 'replay_of') AND NOT attisdropped) < 4 THEN
    ALTER TABLE rejected_events
      ADD COLUMN IF NOT EXISTS channel text, -- the lasting name of the file
      ADD COLUMN IF NOT EXISTS header text, -- its columns, as JSON
      ADD COLUMN IF NOT EXISTS replayed_at timestamptz, -- when "connect replay" sent the record again
      ADD COLUMN IF NOT EXISTS replay_of uuid; -- the earlier rejection of a record that was sent again
  END IF;
END
$$;
