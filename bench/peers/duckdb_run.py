"""Runs one SQL file in DuckDB on one thread and prints the seconds it took, without start-up.

    duckdb_run.py FILE.sql NAME=VALUE…        {NAME} in the SQL becomes VALUE
"""

import sys
import time

import duckdb

sql = open(sys.argv[1], encoding="utf-8").read()
for assignment in sys.argv[2:]:
    name, _, value = assignment.partition("=")
    sql = sql.replace("{" + name + "}", value)
connection = duckdb.connect()
connection.execute("SET threads = 1; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
started = time.perf_counter()
rows = connection.execute(sql).fetchall()
print(f"seconds: {time.perf_counter() - started:.6f}", file=sys.stderr)
print(f"rows: {len(rows)}", file=sys.stderr)
