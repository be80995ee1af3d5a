-- Records that could not be stored in user_events, with the reason.
DO $$
BEGIN
  IF to_regclass('rejected_events') IS NOT NULL THEN
    RETURN;
  END IF;
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
END
$$;
