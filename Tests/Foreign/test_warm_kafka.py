"""The tables and views of `k2-load schema --kafka`, in ClickHouse's engine: what comes in as lines stands in the tables exactly.

No broker is needed: messages are put into tables that have the columns of the Kafka engine, and another engine.
"""

import itertools
import json
import re

import pytest

from expectations import COLUMNS, difference, source_records
from pipeline import read_ndjson
from test_values import TRADES, trade
from test_warm_schema import BRONZE_EDGES, FAR, GAP_EDGES, WARM, candle
from warm_store import WarmStore, comparable, schema, statements

EXCHANGES = ("binance", "kraken", "coinbase")
MESSAGE = """(
    `line` String,
    `_topic` LowCardinality(String),
    `_partition` UInt64,
    `_offset` UInt64,
    `_error` String,
    `_raw_message` String
)
ENGINE = Null"""


def without_broker(script):
    script, count = re.subn(r"\(\n    `line` String\n\)\nENGINE = Kafka\nSETTINGS\n[^;]*", MESSAGE, script)
    assert count == len(EXCHANGES)
    return script


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = WarmStore(tmp_path_factory.mktemp("engine"))
    yield store
    store.close()


@pytest.fixture
def database(store, tools, numbers=itertools.count()):
    name = f"k2 {next(numbers)}"
    store.apply(without_broker(schema(tools, "--database", name, "--ttl", "none", "--kafka", "127.0.0.1:9092")))
    return f"`{name}`"


def compact(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def deliver(store, database, lines, exchange="binance", partition=0):
    """Messages in one batch, as the Kafka engine hands them to its views."""
    messages = [
        {"line": line, "_topic": f"market.crypto.trades.{exchange}", "_partition": partition, "_offset": offset}
        for offset, line in enumerate(lines)
    ]
    store.insert(f"{database}.kafka_trades_{exchange}", messages)


def rows(store, database, table, final=""):
    return comparable(WARM[table], store.rows(f"SELECT * FROM {database}.{table} {final}"))


def bad(store, database):
    return store.rows(f"SELECT * EXCEPT loaded_at FROM {database}.kafka_bad_messages FINAL ORDER BY kafka_offset")


def test_the_kafka_engine_takes_the_statements(store, tools):
    """This engine checks the statement and makes the table, but then may have no threads to read it with."""
    made = [s for s in statements(schema(tools, "--database", "engine", "--kafka", "127.0.0.1:1,127.0.0.1:2")) if "ENGINE = Kafka" in s]
    store.run("CREATE DATABASE engine")
    for exchange, statement in zip(EXCHANGES, made, strict=True):
        try:
            store.run(statement)
        except Exception as error:
            assert "Shutdown was called" in str(error)
        table = f"engine.kafka_trades_{exchange}"
        columns = store.rows(f"DESCRIBE TABLE {table}", describe_include_virtual_columns=1)
        assert set(re.findall(r"`(\w+)` ([\w()]+)", MESSAGE)) <= {(row["name"], row["type"]) for row in columns}
        settings = store.value(f"SELECT engine_full FROM system.tables WHERE concat(database, '.', name) = '{table}'")
        assert f"'market.crypto.trades.{exchange}'" in settings and "'127.0.0.1:1,127.0.0.1:2'" in settings and f"'k2-{exchange}'" in settings
        store.run(f"DROP TABLE {table}")
    assert store.value("SELECT is_input FROM system.formats WHERE name = 'LineAsString'") == 1


def test_applying_again_changes_nothing(store, database, tools):
    script = without_broker(schema(tools, "--database", database[1:-1], "--ttl", "none", "--kafka", "127.0.0.1:9092"))
    deliver(store, database, [compact(trade(1))])
    store.apply(script)
    assert store.value(f"SELECT count() FROM {database}.silver_trades") == 1


def test_a_real_stream_fills_the_tables_exactly(store, database, lake):
    lines = lake.stream.read_text(encoding="utf-8").splitlines()
    records = read_ndjson(lake.stream)
    for number, exchange in enumerate(EXCHANGES):
        chosen = [line for line, record in zip(lines, records) if record["exchange"] == exchange]
        deliver(store, database, chosen, exchange, partition=number)
    assert bad(store, database) == []
    for table, types in COLUMNS.items():
        warm = table.removeprefix("gold_")
        wanted = source_records(table, records)
        if warm.startswith("bronze"):
            # Where a message stood in Kafka is told apart below.
            types = {name: type_text for name, type_text in types.items() if not name.startswith("kafka_")}
        problem = difference(types, wanted, rows(store, database, warm, "FINAL"))
        assert problem is None, f"{warm}: {problem}"


def test_bronze_knows_its_place_in_kafka(store, database):
    lines = [compact({"kind": "bronze", "exchange": "kraken", **record}) for record in BRONZE_EDGES]
    deliver(store, database, lines, "kraken", partition=2)
    deliver(store, database, ["", *lines], "kraken", partition=3)
    found = store.rows(f"SELECT symbol, kafka_partition, kafka_offset FROM {database}.bronze_trades_kraken ORDER BY kafka_partition, kafka_offset")
    assert [tuple(row.values()) for row in found] == [("BTCUSDT", 2, 0), ("", 2, 1), ("BTCUSDT", 3, 1), ("", 3, 2)]


@pytest.mark.parametrize(
    "payload",
    [
        '{"p": 1.50,"q":1e300,"t":9007199254740993,"u":0.1234567890123456789012345678901234567890}',
        '[1.0, "a"]',
        '{"payload":{"kind":1},"kafka_offset":5}',
        '{"x":{"kafka_partition":1,"kafka_offset":5}}',
        '{"ü":"\\u00fc😀\\n\\"","e":""}',
        "{}",
    ],
)
@pytest.mark.parametrize("place", ["", ',"kafka_partition":7,"kafka_offset":9'])
def test_a_payload_is_kept_verbatim(store, database, payload, place):
    head = compact({"kind": "bronze", "exchange": "kraken", **BRONZE_EDGES[0], "symbol": '",\\"payload\\":{"'} | {"payload": 0}).split(',"payload"')[0]
    deliver(store, database, [f'{head},"payload":{payload}{place}}}'], "kraken")
    assert bad(store, database) == []
    assert store.value(f"SELECT payload FROM {database}.bronze_trades_kraken") == payload


@pytest.mark.parametrize(
    "kind, table, records",
    [
        ("trade", "silver_trades", [t for t in TRADES if t["trade_id"] != FAR]),
        ("bronze", "bronze_trades_kraken", BRONZE_EDGES),
        ("gap", "feed_gaps", GAP_EDGES + [GAP_EDGES[0] | {"first_missing": str(2**62), "last_missing": str(2**63 - 1), "cause": None}]),
        ("candle", "ohlcv_1d", [candle(r, f, 2**63 - 1, interval="1d", window_start=f"2026-02-{18 + r}T00:00:00.000000Z") for r in (0, 1) for f in (True,)]),
    ],
    ids=["trade", "bronze", "gap", "candle"],
)
def test_values_at_the_edges(store, database, kind, table, records):
    deliver(store, database, [compact({"kind": kind, "exchange": "kraken"} | record) for record in records])
    types = {name: type_text for name, type_text in WARM[table].items() if not name.startswith("kafka_")}
    problem = difference(types, records, rows(store, database, table, "FINAL"))
    assert problem is None, f"{problem}\n{bad(store, database)}"


REFUSED = {
    "price": ["0.0000000000001", "100000000000000000000000000", "1e5", "", "abc", " 1", "+1", ".5", "1.", "NaN", 1.5, None],
    "quote_volume": ["100000000000000000000", "0.0000000000000000001"],
    "timestamp": ["2026-02-30T00:00:00.000000Z", "2026-02-18T00:00:00.0000001Z", "2026-02-18T00:00:00Z", "2026-02-18T00:00:00.000000+01:00", "", 5, None],
    "source_sequence": ["9223372036854775808", 2**64, 1.5, True, "", "x", [1]],
    "message_id": ["", "87f4a89f", 5],
    "trade_id": [5, None],
    "exchange": ["bitfinex", "", None],
    "trade_conditions": ["limit", ["a", 5], [None], {}],
    "vendor_data": [{"a": 5}, {"a": None}, ["a"], "a"],
    "is_valid": ["true", 1, None],
}  # fmt: skip


def test_what_cannot_be_stored_whole_is_put_aside_with_the_reason(store, database):
    broken = [(name, compact(trade(1) | {name: value})) for name, values in REFUSED.items() for value in values]
    broken += [(name, compact({n: v for n, v in trade(1).items() if n != name})) for name in ("price", "timestamp", "trade_id", "is_valid", "side")]
    broken += [
        ("exchange", compact({"kind": "bronze", "exchange": "bitfinex", **BRONZE_EDGES[0]})),
        ("payload", compact({"kind": "bronze", "exchange": "kraken", **BRONZE_EDGES[0], "payload": {}, "more": 1})),
        ("payload", compact({"kind": "bronze", "exchange": "kraken", **BRONZE_EDGES[0], "payload": 5})),
        ("interval", compact({"kind": "candle", **candle(0, True, 1, interval="2m")})),
        ("revision", compact({"kind": "candle", **candle(2**31, True, 1)})),
        ("is_final", compact({"kind": "candle", **candle(0, None, 1)})),
        ("detected_at", compact({"kind": "gap", **GAP_EDGES[1], "detected_at": "yesterday"})),
        ("kind", '{"exchange":"binance"}'),
        ("kind", '{"kind":5}'),
        ("expected a JSON object", "[1]"),
        ("expected a JSON object", '{"kind":"trade"'),
        ("expected a JSON object", compact(trade(1)) + "x"),
        ("expected a JSON object", "nonsense ü"),
    ]
    good = [compact(trade(n)) for n in (2, 3)]
    deliver(store, database, [good[0], *(line for _, line in broken), good[1]])
    found = bad(store, database)
    assert [(row["message"], row["kafka_offset"]) for row in found] == [(line, n) for n, (_, line) in enumerate(broken, 1)]
    for row, (start, line) in zip(found, broken):
        assert row["reason"].startswith(start), (row["reason"], line)
    assert {row["kafka_topic"] for row in found} == {"market.crypto.trades.binance"}
    assert [row["trade_id"] for row in store.rows(f"SELECT trade_id FROM {database}.silver_trades ORDER BY trade_id")] == ["BINANCE-2", "BINANCE-3"]


def test_what_the_engine_cannot_read_is_put_aside_too(store, database):
    message = {"line": "", "_topic": "t", "_partition": 1, "_offset": 2, "_error": "no line", "_raw_message": "raw"}
    store.insert(f"{database}.kafka_trades_kraken", [message])
    assert bad(store, database) == [{"kafka_topic": "t", "kafka_partition": 1, "kafka_offset": 2, "reason": "no line", "message": "raw"}]


def test_other_kinds_are_skipped(store, database):
    deliver(store, database, ['{"kind":"raw","exchange":"kraken"}', '{"kind":"metric","exchange":5}', '{"kind":""}'])
    assert bad(store, database) == []
    assert store.value(f"SELECT sum(total_rows) FROM system.tables WHERE database = '{database[1:-1]}' AND name != 'schema_version'") == 0


def test_a_message_that_comes_again_adds_nothing(store, database):
    lines = [compact(trade(1)), compact({"kind": "candle", **candle(0, True, 1)}), "bad"]
    for _ in range(2):
        deliver(store, database, lines)
    for table in ("silver_trades", "ohlcv_1m", "kafka_bad_messages"):
        assert store.value(f"SELECT count() FROM {database}.{table} FINAL") == 1, table
