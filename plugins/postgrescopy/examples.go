package postgrescopy

import "github.com/redpanda-data/benthos/v4/public/service"

// withExamples adds pipelines that run as they are, given the database that
// POSTGRES_DSN names (the first one wants a table, too).
func withExamples(spec *service.ConfigSpec) *service.ConfigSpec {
	return spec.
		Example("Two fields are enough", "Every JSON object that arrives becomes a row of the table; its fields are named like the columns. Try it with `curl -d '{\"kind\": \"sale\", \"amount\": 12.5}' localhost:4195/events`, and a table such as `CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now(), kind text, amount numeric)`. The rows are appended.", `
input:
  http_server:
    path: /events

output:
  postgres_copy:
    dsn: ${POSTGRES_DSN}
    table: events
`).
		Example("Skip existing rows", "Orders that are sent again are stored only once, by their key. Rows that cannot be stored go to a second table with the reason; the others are stored. Missing tables are created.", `
input:
  http_server:
    path: /orders

output:
  fallback:
    - postgres_copy:
        dsn: ${POSTGRES_DSN}
        table: orders
        write_mode: ignore
        primary_keys: [ order_id ]
        init_statement: |
          CREATE TABLE IF NOT EXISTS orders (
            order_id uuid PRIMARY KEY,
            placed_at timestamptz NOT NULL,
            total numeric(12, 2) CHECK (total >= 0)
          )
        batching:
          count: 1000
          period: 50ms
    - postgres_copy:
        dsn: ${POSTGRES_DSN}
        table: rejected_orders
        init_statement: |
          CREATE TABLE IF NOT EXISTS rejected_orders (
            rejected_at timestamptz NOT NULL DEFAULT now(),
            reason text,
            raw text
          )
      processors:
        - mapping: |
            root.reason = @fallback_error
            root.raw = content().string()
`).
		Example("Keep the last state of each key", "A message with some of a product's columns changes only these; the others keep their values.", `
input:
  http_server:
    path: /products

output:
  postgres_copy:
    dsn: ${POSTGRES_DSN}
    table: products
    write_mode: upsert
    primary_keys: [ sku ]
    init_statement: |
      CREATE TABLE IF NOT EXISTS products (
        sku text PRIMARY KEY,
        name text,
        price numeric(12, 2),
        tags text[]
      )
`).
		Example("Exactly once without a key", "Rows of a Kafka topic, each stored once although the table has no key: the ledger notes the offset of every row in the transaction that stores it. (With the input `csv_watch` of this bundle, the two fields are `${! @csv_channel }` and `${! @csv_row }`.)", `
output:
  postgres_copy:
    dsn: ${POSTGRES_DSN}
    table: page_views
    exactly_once:
      channel: ${! @kafka_topic }/${! @kafka_partition }
      offset_token: ${! @kafka_offset }
    init_statement: CREATE TABLE IF NOT EXISTS page_views (url text, at timestamptz)
`)
}
