"""The tables that `k2-load schema` prints, in ClickHouse's engine."""

import datetime
import itertools
from decimal import Decimal

import pytest

from expectations import BRONZE, COLUMNS, GAPS, GOLD, difference
from pipeline import INTERVALS
from test_values import TRADES, trade
from trade_candles import FIRST, candles, random_trades, timestamp
from warm_store import TYPES, WarmStore, comparable, plain_type, schema, statements

WARM = {name.removeprefix("gold_"): columns for name, columns in COLUMNS.items()}
# ClickHouse's times end with the year 2299.
FAR = "BINANCE-7"

BRONZE_EDGES = [
    dict(
        exchange_timestamp="2026-02-18T00:00:00.000001Z", sequence_number=2**63 - 1, trade_id="1", symbol="BTCUSDT", price="0.000000000001",
        quantity="99999999999999999999999999.999999999999", quote_volume="99999999999999999999.999999999999999999", side="BUY",
        event_time="2026-02-18T23:59:59.999999Z", ingestion_timestamp="2026-02-18T00:00:00.123456Z", payload='{"p": 1.50, "ü": "\\u0000\\n😀"}',
        kafka_partition=2**31 - 1, kafka_offset=2**63 - 1,
    ),
    dict(
        exchange_timestamp="1969-12-31T23:59:59.000000Z", trade_id="", symbol="", price="-1", quantity="0", quote_volume="0", side="UNKNOWN",
        ingestion_timestamp="2299-12-31T23:59:59.999999Z", payload="",
    ),
]  # fmt: skip
GAP_EDGES = [
    dict(
        exchange="kraken", symbol="ÄÖ", first_missing=0, last_missing=2**63 - 1, after_time="2026-02-18T00:00:00.000001Z",
        before_time="2026-02-18T00:00:00.000002Z", state="lost", cause="it's \\ \n", detected_at="2026-02-18T00:00:00.000003Z",
    ),
    dict(exchange="kraken", symbol="A", first_missing=5, last_missing=5, state="open", detected_at="2026-02-18T00:00:00.000000Z"),
]  # fmt: skip


def candle(revision, is_final, marker, **changes):
    return dict(
        exchange="binance", canonical_symbol="BTC/USDT", interval="1m", window_start="2026-02-18T00:01:00.000000Z",
        open_time="2026-02-18T00:01:00.000001Z", open_price="1.000000000001", high_price="2", low_price="1", close_time="2026-02-18T00:01:59.999999Z",
        close_price="1", volume=str(marker), quote_volume="0.000000000000000001", trade_count=marker, buy_volume="0", revision=revision,
        is_final=is_final, has_gap=False,
    ) | changes  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = WarmStore(tmp_path_factory.mktemp("engine"))
    yield store
    store.close()


@pytest.fixture
def database(store, tools, numbers=itertools.count()):
    """A database without a time to live: the tests' trades are of the past."""
    name = f"k2 {next(numbers)}"
    store.apply(schema(tools, "--database", name, "--ttl", "none"))
    return f"`{name}`"


def test_the_script_is_the_same_each_time(tools):
    assert schema(tools) == schema(tools)


def test_applying_again_changes_nothing(store, tools):
    script = schema(tools, "--database", "again")

    def look():
        tables = store.rows("SELECT name, create_table_query, uuid FROM system.tables WHERE database = 'again' ORDER BY name")
        return tables, store.rows("SELECT * FROM again.schema_version")

    store.apply(script)
    first = look()
    store.apply(script)
    assert look() == first
    names = {table["name"] for table in first[0]}
    assert names == {*WARM, *(f"ohlcv_{i}_{kind}" for i in INTERVALS for kind in ("check", "diff")), "schema_version"}
    assert [row["version"] for row in first[1]] == [1]


def test_a_run_that_was_cut_short_is_completed_by_the_next(store, tools):
    everything = statements(schema(tools, "--database", "cut"))
    for count in range(0, len(everything), 5):
        store.apply(everything[:count])
        store.apply(everything)
        assert store.value("SELECT count() FROM cut.schema_version FINAL") == 1
        store.run("DROP DATABASE cut SYNC")


@pytest.mark.parametrize("table", WARM)
def test_columns_are_those_of_the_definition(store, database, table):
    found = {row["name"]: row["type"] for row in store.rows(f"SELECT name, type FROM system.columns WHERE database || '.' || table = '{database[1:-1]}.{table}'")}
    extra = {"loaded_at"} | ({"version"} if table.startswith("ohlcv") else set())
    assert list(found)[: len(WARM[table])] == list(WARM[table])
    assert found.keys() - WARM[table].keys() == extra
    for name, type_text in WARM[table].items():
        assert plain_type(name, found[name]) == TYPES[type_text]


@pytest.mark.parametrize(
    "table, records",
    [
        ("silver_trades", [t for t in TRADES if t["trade_id"] != FAR]),
        ("bronze_trades_kraken", BRONZE_EDGES),
        ("feed_gaps", GAP_EDGES),
        ("ohlcv_1d", [candle(2**31 - 1, True, 2**63 - 1), candle(0, False, 1, window_start="1969-12-31T00:00:00.000000Z", first_sequence=2**63 - 1, last_sequence=0)]),
    ],
    ids=["silver", "bronze", "gaps", "gold"],
)
def test_every_value_comes_back(store, database, table, records):
    store.insert(f"{database}.{table}", records)
    problem = difference(WARM[table], records, comparable(WARM[table], store.rows(f"SELECT * FROM {database}.{table}")))
    assert problem is None, problem


def test_a_row_replaces_the_one_of_its_identity(store, database):
    table = f"{database}.silver_trades"
    store.insert(table, [trade(1), trade(2)])
    store.insert(table, [trade(1, origin="rest", timestamp="2026-02-18T00:00:00.023597Z")])
    assert store.rows(f"SELECT trade_id, origin FROM {table} FINAL ORDER BY trade_id") == [
        {"trade_id": "BINANCE-1", "origin": "rest"},
        {"trade_id": "BINANCE-2", "origin": "stream"},
    ]
    # Times of one trade may differ between stream and REST, even over midnight.
    store.insert(table, [trade(2, origin="rest", timestamp="2026-02-17T23:59:59.999999Z")])
    assert store.value(f"SELECT count() FROM {table} FINAL") == 2


@pytest.mark.parametrize("merged", [False, True])
def test_the_newest_revision_wins_and_the_final_one_of_it(store, database, merged):
    table = f"{database}.ohlcv_1m"
    arrivals = [candle(0, False, 1), candle(0, True, 3), candle(0, False, 2), candle(1, False, 4), candle(0, True, 3)]
    for arrival in arrivals:
        store.insert(table, [arrival])
    if merged:
        store.run(f"OPTIMIZE TABLE {table} FINAL")
    assert store.value(f"SELECT trade_count FROM {table} FINAL") == 4
    for arrival in [candle(1, True, 6), candle(1, False, 5)]:
        store.insert(table, [arrival])
    if merged:
        store.run(f"OPTIMIZE TABLE {table} FINAL")
    assert store.value(f"SELECT trade_count FROM {table} FINAL") == 6
    # A final candle that is given out again, with the same revision: the later one.
    store.insert(table, [candle(1, True, 7)])
    assert store.value(f"SELECT trade_count FROM {table} FINAL") == 7


@pytest.mark.parametrize("table, record", [("silver_trades", trade(1)), ("ohlcv_1m", candle(0, True, 1)), ("feed_gaps", GAP_EDGES[0]), ("bronze_trades_binance", BRONZE_EDGES[0])])
def test_a_repeated_insert_is_known_by_its_token(store, database, table, record):
    for _ in range(2):
        store.insert(f"{database}.{table}", [record], insert_deduplication_token="a")
    assert store.value(f"SELECT count() FROM {database}.{table}") == 1
    store.insert(f"{database}.{table}", [record], insert_deduplication_token="b")
    assert store.value(f"SELECT count() FROM {database}.{table}") == 2


def test_the_token_of_an_insert_holds_for_all_its_days(store, database):
    records = [trade(n, timestamp=timestamp(FIRST + n * 86_400_000_000)) for n in range(200)]
    for _ in range(2):
        store.insert(f"{database}.silver_trades", records, insert_deduplication_token="days")
    assert store.value(f"SELECT count() FROM {database}.silver_trades") == len(records)


@pytest.mark.parametrize("table", WARM)
def test_rows_leave_after_their_days(store, tools, table):
    script = schema(tools, "--database", "ttl")
    store.apply(script)
    days = {"bron": 7, "silv": 30, "ohlc": 365, "feed": 365}[table[:4]]
    column = {"bron": "exchange_timestamp", "silv": "timestamp", "ohlc": "window_start", "feed": "detected_at"}[table[:4]]
    now = datetime.datetime.now(datetime.timezone.utc)
    for age in (days + 1, days - 1):
        moment = (now - datetime.timedelta(days=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        store.insert(f"ttl.{table}", [{column: moment}])
    store.run(f"OPTIMIZE TABLE ttl.{table} FINAL")
    ages = store.rows(f"SELECT dateDiff('day', {column}, now64(6, 'UTC')) AS age FROM ttl.{table}")
    assert [row["age"] for row in ages] == [days - 1]
    store.run("DROP DATABASE ttl SYNC")


def test_loaded_at_is_the_servers_clock(store, database):
    table = f"{database}.silver_trades"
    store.insert(table, [trade(1)])
    assert store.value(f"SELECT abs(dateDiff('second', loaded_at, now64(6, 'UTC'))) < 60 FROM {table}")


def test_rows_are_found_by_when_they_were_loaded(store, database):
    """The index leaves out the parts that were loaded earlier."""
    table = f"{database}.silver_trades"
    store.run(f"SYSTEM STOP MERGES {table}")
    for number in range(5):
        store.insert(table, [trade(number) | {"loaded_at": timestamp(FIRST + number * 1_000_000)}])
    plan = store.run(f"EXPLAIN indexes = 1 SELECT * FROM {table} WHERE loaded_at > '{timestamp(FIRST + 3_500_000)[:-1]}'")
    assert "loaded_at_range" in plan and "1/5" in plan, plan


@pytest.mark.parametrize("interval, width", INTERVALS.items())
def test_candles_are_computed_again_from_the_trades(store, database, interval, width):
    trades = random_trades(seed=width, number=400)
    # Before 1970 too; whole seconds, since engines before 24 misread fractions there.
    trades += [t | {"trade_id": f"OLD-{t['trade_id']}", "timestamp": t["timestamp"].replace("2026-02-", "1969-12-")[:20] + "000000Z"} for t in trades[:50]]
    store.insert(f"{database}.silver_trades", trades)
    store.insert(f"{database}.silver_trades", trades[::3])
    wanted = sorted(candles(trades, interval, width).values(), key=lambda c: (c["exchange"], c["canonical_symbol"], c["window_start"]))
    found = comparable(CHECKED, store.rows(f"SELECT * FROM {database}.ohlcv_{interval}_check ORDER BY exchange, canonical_symbol, window_start"))
    assert found == comparable(CHECKED, wanted)


CHECKED = {name: type_text for name, type_text in GOLD.items() if name not in ("revision", "is_final", "has_gap")}


def test_sums_are_exact(store, database):
    """In binary floating point each of these sums would lose its last digits."""
    store.insert(
        f"{database}.silver_trades",
        [trade(n, quantity="12345678901234567890123.000000000001", quote_volume="1234567890123456789.000000000000000001") for n in range(3)],
    )
    (row,) = store.rows(f"SELECT volume, quote_volume, buy_volume FROM {database}.ohlcv_1h_check")
    assert {name: Decimal(value) for name, value in row.items()} == {
        "volume": Decimal("37037036703703703670369.000000000003"),
        "quote_volume": Decimal("3703703670370370367.000000000000000003"),
        "buy_volume": Decimal("37037036703703703670369.000000000003"),
    }


def test_windows_that_disagree_are_named(store, database):
    trades = random_trades(seed=1, number=300)
    store.insert(f"{database}.silver_trades", trades)
    right = list(candles(trades, "1m", 60).values())
    assert len(right) > 20
    state = {"revision": 0, "is_final": True, "has_gap": False}
    stored = [c | state for c in right]
    lost, stored = stored[:2], stored[2:]
    stored[0] = stored[0] | {"volume": "0.000000000001"}
    stored[1] = stored[1] | {"first_sequence": None if stored[1]["first_sequence"] is not None else 0}
    stored[2] = stored[2] | {"is_final": False}
    unfounded = stored[3] | {"window_start": "2027-01-01T00:00:00.000000Z"}
    store.insert(f"{database}.ohlcv_1m", [*stored, unfounded])

    def key(row):
        return row["exchange"], row["canonical_symbol"], row["window_start"]

    found = {key(row): row for row in store.rows(f"SELECT * FROM {database}.ohlcv_1m_diff")}
    wanted = {key(c): "missing" for c in [*lost, stored[2]]} | {key(c): "different" for c in stored[:2]} | {key(unfounded): "unfounded"}
    assert {k: row["difference"] for k, row in found.items()} == wanted
    assert Decimal(found[key(stored[0])]["stored"]["volume"]) == Decimal("0.000000000001")
    # A revision that is right again settles it.
    store.insert(f"{database}.ohlcv_1m", [c | state | {"revision": 1} for c in right])
    assert {key(row) for row in store.rows(f"SELECT * FROM {database}.ohlcv_1m_diff")} == {key(unfounded)}
