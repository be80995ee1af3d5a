-- What the shop did in each minute of the last hour, for the live page, for
-- Grafana and for psql:
--
--   SELECT * FROM shop_events_by_minute;
--   SELECT * FROM shop_funnel_by_minute;
--
-- The BRIN index finds the last hour without reading the rest. It takes a few
-- kilobytes, and next to nothing to keep. A role that may only write rows leaves
-- all of it out: the pipeline does not need it.
DO $$
BEGIN
  IF to_regclass('user_events') IS NULL THEN
    RETURN;
  END IF;
  IF to_regclass('user_events_timestamp_idx') IS NULL THEN
    CREATE INDEX user_events_timestamp_idx ON user_events USING brin ("timestamp");
  END IF;
  IF to_regclass('shop_events_by_minute') IS NULL THEN
    CREATE VIEW shop_events_by_minute AS
      SELECT date_trunc('minute', "timestamp") AS minute,
             event_type,
             count(*) AS events,
             coalesce(sum(price * quantity) FILTER (WHERE event_type = 'purchase'), 0) AS revenue
        FROM user_events
       WHERE "timestamp" >= now() - interval '1 hour' AND "timestamp" <= now()
       GROUP BY 1, 2
       ORDER BY 1, 2;
    COMMENT ON VIEW shop_events_by_minute IS 'Events by type and revenue of purchases, by minute, in the last hour.';
  END IF;
  IF to_regclass('shop_funnel_by_minute') IS NULL THEN
    CREATE VIEW shop_funnel_by_minute AS
      SELECT minute,
             coalesce(sum(events) FILTER (WHERE event_type = 'view'), 0)::bigint AS views,
             coalesce(sum(events) FILTER (WHERE event_type = 'add_to_cart'), 0)::bigint AS carts,
             coalesce(sum(events) FILTER (WHERE event_type = 'purchase'), 0)::bigint AS purchases
        FROM shop_events_by_minute
       GROUP BY 1
       ORDER BY 1;
    COMMENT ON VIEW shop_funnel_by_minute IS 'From looking to buying: views, additions to the cart and purchases, by minute, in the last hour.';
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'event_ingest')
     AND NOT has_table_privilege('event_ingest', 'shop_events_by_minute', 'SELECT') THEN
    GRANT SELECT ON shop_events_by_minute, shop_funnel_by_minute TO event_ingest;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'The views of the shop are not made: %', SQLERRM;
END
$$;
