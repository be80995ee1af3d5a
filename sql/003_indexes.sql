-- Indexes for common queries: the events of a user or of a type, the latest rejections.
DO $$
BEGIN
  IF to_regclass('user_events_user_id_idx') IS NULL THEN
    CREATE INDEX user_events_user_id_idx ON user_events (user_id);
  END IF;
  IF to_regclass('user_events_event_type_idx') IS NULL THEN
    CREATE INDEX user_events_event_type_idx ON user_events (event_type);
  END IF;
  IF to_regclass('rejected_events_rejected_at_idx') IS NULL THEN
    CREATE INDEX rejected_events_rejected_at_idx ON rejected_events (rejected_at);
  END IF;
END
$$;
