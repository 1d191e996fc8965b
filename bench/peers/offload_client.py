"""What is new in ClickHouse → Iceberg tables that are there, with ClickHouse's official client and pyiceberg.

    python offload_client.py 127.0.0.1 8123 k2 watermarks.json silver_trades gold_ohlcv_1m …

The catalog is what pyiceberg is configured to use: PYICEBERG_CATALOG__DEFAULT__URI and so on.

The straightforward program: Arrow all the way, one table after the other, and a file that says up to when each was read. It leaves out
what k2-offload does besides: a kill between the append and the note of it doubles rows, a row that comes late or with an earlier
stamp is lost, a candle that is revised stands twice, and all that is new has to fit into memory.
"""

import json
import pathlib
import sys

import clickhouse_connect
from pyiceberg.catalog import load_catalog

NEW = "loaded_at > toDateTime64({after:String}, 6, 'UTC') AND loaded_at <= toDateTime64({through:String}, 6, 'UTC')"
BEGINNING = "1970-01-01 00:00:00.000000"


def source(name):
    """What is new in a table. Candles may have been revised already: of those, the last one counts."""
    return f"{name.removeprefix('gold_')} FINAL WHERE is_final AND {NEW}" if name.startswith("gold_") else f"{name} WHERE {NEW}"


def main():
    host, port, database, file, *names = sys.argv[1:]
    file = pathlib.Path(file)
    watermarks = json.loads(file.read_text()) if file.exists() else {}
    # Compression costs more than it saves where the server is near; k2-offload asks for none there either.
    client = clickhouse_connect.get_client(host=host, port=int(port), database=database, compress=False)
    catalog = load_catalog("default")
    for name in names:
        table = catalog.load_table(f"cold.{name}")
        columns = ", ".join(field.name for field in table.schema().fields)
        through = client.command("SELECT toString(now64(6, 'UTC'))")
        window = {"after": watermarks.get(name, BEGINNING), "through": through}
        rows = client.query_arrow(f"SELECT {columns} FROM {source(name)}", parameters=window, use_strings=True)
        if rows.num_rows:
            table.append(rows.cast(table.schema().as_arrow()))
        watermarks[name] = through
        file.write_text(json.dumps(watermarks))


main()
