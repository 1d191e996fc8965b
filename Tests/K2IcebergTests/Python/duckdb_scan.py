"""Reads a table with DuckDB."""
import sys, json, os, duckdb, duckdb_extension_iceberg, duckdb_extension_avro
con = duckdb.connect()
base = lambda m, n: os.path.join(os.path.dirname(m.__file__), "extensions", "v" + duckdb.__version__, n + ".duckdb_extension")
con.execute("LOAD '%s'" % base(duckdb_extension_avro, "avro"))
con.execute("LOAD '%s'" % base(duckdb_extension_iceberg, "iceberg"))
location = sys.argv[1]
con.execute("SET unsafe_enable_version_guessing = true")  # a folder names its version in version-hint.text
print(json.dumps({"rows": con.execute("SELECT count(*), sum(id)::BIGINT, sum(price)::VARCHAR FROM iceberg_scan('%s')" % location).fetchone(),
    "day": con.execute("SELECT count(*) FROM iceberg_scan('%s') WHERE ts >= TIMESTAMPTZ '2024-10-05 00:00:00+00' AND ts < TIMESTAMPTZ '2024-10-06 00:00:00+00'" % location).fetchone()[0],
    "nulls": con.execute("SELECT count(*) FROM iceberg_scan('%s') WHERE symbol IS NULL" % location).fetchone()[0],
    "map": con.execute("SELECT sum(cardinality(attrs))::BIGINT FROM iceberg_scan('%s')" % location).fetchone()[0]}))
