-- What could not be stored in user_events, with the reason in words.
DO $$
BEGIN
  IF to_regclass('rejected_events') IS NOT NULL THEN
    RETURN;
  END IF;
  CREATE TABLE rejected_events (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- the pipeline derives it from file and row
    rejected_at timestamptz NOT NULL DEFAULT now(),
    stage       text NOT NULL CHECK (stage IN ('parse', 'mapping', 'database')),
    reason      text NOT NULL,
    path        text,
    row_number  bigint,
    raw         text
  );
  COMMENT ON TABLE rejected_events IS 'Records that failed to parse, to map or to be stored.';
  COMMENT ON COLUMN rejected_events.raw IS 'The record as it came, cut when very long; NUL and invalid UTF-8 bytes as \xNN.';
END
$$;
