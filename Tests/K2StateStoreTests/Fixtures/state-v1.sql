-- A state store of version 1, as the first release made it, with a batch that was committed and one that is open.
CREATE TABLE offload_schema (version INTEGER NOT NULL);
CREATE TABLE offload_intents (
  batch_id TEXT NOT NULL PRIMARY KEY,
  table_name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  files TEXT NOT NULL
);
CREATE INDEX offload_intents_by_table ON offload_intents (table_name, created_at);
CREATE TABLE offload_intent_ranges (
  batch_id TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
  PRIMARY KEY (batch_id, exchange, symbol, first_id)
) WITHOUT ROWID;
CREATE TABLE offload_intent_keys (
  batch_id TEXT NOT NULL, key BLOB NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY (batch_id, key)
) WITHOUT ROWID;
CREATE TABLE offload_loaded_ranges (
  table_name TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
  PRIMARY KEY (table_name, exchange, symbol, first_id)
) WITHOUT ROWID;
CREATE TABLE offload_loaded_keys (
  table_name TEXT NOT NULL, key BLOB NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY (table_name, key)
) WITHOUT ROWID;
CREATE TABLE offload_runs (
  run_id INTEGER PRIMARY KEY,
  table_name TEXT NOT NULL,
  batch_id TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  file_count INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  snapshot_id INTEGER,
  status TEXT NOT NULL,
  error TEXT
);
CREATE INDEX offload_runs_by_table ON offload_runs (table_name, run_id);
CREATE TABLE offload_leases (
  table_name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO offload_schema (version) VALUES (1);
INSERT INTO offload_intents VALUES ('open', 'silver', 1771372800000001, '["file:///a.parquet","file:///b.parquet"]');
INSERT INTO offload_intent_ranges VALUES ('open', 'binance', 'BTCUSDT', 11, 20);
INSERT INTO offload_intent_keys VALUES ('open', x'00000000000000000000000000000002', 7);
INSERT INTO offload_loaded_ranges VALUES ('silver', 'binance', 'BTCUSDT', 1, 10);
INSERT INTO offload_loaded_keys VALUES ('silver', x'00000000000000000000000000000001', 3);
INSERT INTO offload_runs (table_name, batch_id, started_at, ended_at, row_count, file_count, byte_count, snapshot_id, status, error)
VALUES ('silver', 'done', 1771372700000000, 1771372700000002, 10, 1, 999, 9223372036854775807, 'committed', NULL);
INSERT INTO offload_leases VALUES ('silver', 'host:1:1', 1771372900000000);
