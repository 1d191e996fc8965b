"""Reads a table with the ClickHouse engine."""
import sys, json, os
os.chdir("/")  # the engine reads files below its working folder only
import chdb
folder = sys.argv[1]
q = lambda sql: json.loads(str(chdb.query(sql, "JSONCompact")))["data"]
print(json.dumps({"rows": q("SELECT toString(count()), toString(sum(id)), toString(sum(price)) FROM icebergLocal('%s')" % folder)[0],
    "day": q("SELECT toString(count()) FROM icebergLocal('%s') WHERE ts >= toDateTime64('2024-10-05 00:00:00', 6, 'UTC') AND ts < toDateTime64('2024-10-06 00:00:00', 6, 'UTC')" % folder)[0][0],
    "nulls": q("SELECT toString(count()) FROM icebergLocal('%s') WHERE symbol IS NULL" % folder)[0][0]}))
