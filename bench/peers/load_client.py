"""`trade` records on stdin → the table `silver_trades`, with ClickHouse's official client and orjson.

    python load_client.py 127.0.0.1 8123 k2 < trades.ndjson

The straightforward fast program: batches of 100,000 rows by column, times and decimals exact. It leaves out what k2-load
does besides: nothing is kept when the server is away, no row that is refused is found, no batch is sent a second time.
"""

import itertools
import sys
from datetime import datetime
from decimal import Decimal

import clickhouse_connect
import orjson

BATCH = 100_000
TEXTS = ("message_id", "trade_id", "exchange", "symbol", "canonical_symbol", "asset_class", "currency", "side", "origin")
DECIMALS = ("price", "quantity", "quote_volume")
TIMES = ("timestamp", "ingestion_timestamp")
LISTS = ("trade_conditions", "validation_errors")
NAMES = (*TEXTS, *DECIMALS, *TIMES, *LISTS, "source_sequence", "vendor_data", "is_valid")


def columns(records):
    return [
        *([record[name] for record in records] for name in TEXTS),
        *([Decimal(record[name]) for record in records] for name in DECIMALS),
        *([datetime.fromisoformat(record[name]) for record in records] for name in TIMES),
        *([record.get(name, []) for record in records] for name in LISTS),
        [record.get("source_sequence") for record in records],
        [record.get("vendor_data", {}) for record in records],
        [record["is_valid"] for record in records],
    ]


def main():
    host, port, database = sys.argv[1:]
    client = clickhouse_connect.get_client(host=host, port=int(port), database=database)
    lines = sys.stdin.buffer
    while records := [orjson.loads(line) for line in itertools.islice(lines, BATCH)]:
        client.insert("silver_trades", columns(records), column_names=NAMES, column_oriented=True)


main()
