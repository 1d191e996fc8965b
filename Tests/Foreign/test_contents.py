"""Every row and every column of the lake is what the stream said, as three foreign engines read it."""

from decimal import Decimal

import pytest

from conftest import DAYS, EXCHANGES, TRADES
from expectations import difference, source_records
from pipeline import INTERVALS, read_ndjson, tables_expected
from readers import READERS, DuckDB, PyIceberg

TABLES = [
    "bronze_trades_binance",
    "bronze_trades_coinbase",
    "bronze_trades_kraken",
    "feed_gaps",
    *(f"gold_ohlcv_{interval}" for interval in sorted(INTERVALS)),
    "silver_trades",
]


@pytest.fixture(scope="module")
def records(lake):
    return read_ndjson(lake.stream)


def test_the_stream_is_worth_testing(records):
    """Guards the fixture: faults took place, and every table gets rows."""
    counts = tables_expected(records)
    assert set(counts) == set(TABLES)
    assert counts["silver_trades"] == len(EXCHANGES) * len(DAYS) * TRADES
    assert any(r["kind"] == "candle" and r.get("revision", 0) > 0 for r in records), "no candle was re-issued"
    assert any(r["kind"] == "candle" and r.get("has_gap") for r in records), "no candle has a gap"


def test_all_tables_are_in_the_catalog(lake):
    assert PyIceberg().tables(lake) == sorted(TABLES)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_rows_are_those_of_the_stream(lake, records, reader, table):
    types = {field.name: str(field.field_type) for field in PyIceberg().table(lake, table).schema().fields}
    problem = difference(types, source_records(table, records), reader.rows(lake, table))
    assert problem is None, problem


@pytest.mark.parametrize("table", TABLES)
def test_no_column_of_the_record_is_dropped(lake, records, table):
    """All that a record holds goes cold; `kind`, and the exchange that a bronze table is named after, need no column."""
    columns = {field.name for field in PyIceberg().table(lake, table).schema().fields}
    said_by_the_table = {"kind"} | ({"exchange"} if table.startswith("bronze") else set())
    for record in source_records(table, records):
        assert record.keys() - said_by_the_table <= columns


def test_sums_are_exact(lake, records):
    trades = source_records("silver_trades", records)
    wanted = {}
    for trade in trades:
        key = (trade["exchange"], trade["canonical_symbol"])
        count, quantity, quote = wanted.get(key, (0, Decimal(0), Decimal(0)))
        wanted[key] = (count + 1, quantity + Decimal(trade["quantity"]), quote + Decimal(trade["price"]) * Decimal(trade["quantity"]))
    duck = DuckDB()
    found = duck.connect().execute(
        f"SELECT exchange, canonical_symbol, count(*), sum(quantity), sum(quote_volume) FROM {duck.source(lake, 'silver_trades')} GROUP BY ALL"
    )
    assert {(e, s): (n, q, v) for e, s, n, q, v in found.fetchall()} == wanted


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_are_those_that_duckdb_computes(lake, interval):
    """Gold against SQL over silver, to the last digit."""
    duck = DuckDB()
    connection = duck.connect()
    width = INTERVALS[interval] * 1_000_000
    computed = connection.execute(f"""
        SELECT exchange, canonical_symbol, epoch_us(timestamp) // {width} * {width} AS window_start,
               min(epoch_us(timestamp)), arg_min(price, (timestamp, source_sequence)), max(price), min(price),
               max(epoch_us(timestamp)), arg_max(price, (timestamp, source_sequence)),
               sum(quantity), sum(quote_volume), count(*),
               coalesce(sum(quantity) FILTER (side = 'BUY'), 0), min(source_sequence), max(source_sequence)
        FROM {duck.source(lake, 'silver_trades')} WHERE is_valid GROUP BY ALL ORDER BY ALL""").fetchall()
    stored = connection.execute(f"""
        SELECT exchange, canonical_symbol, epoch_us(window_start), epoch_us(open_time), open_price, high_price, low_price,
               epoch_us(close_time), close_price, volume, quote_volume, trade_count, buy_volume, first_sequence, last_sequence
        FROM {duck.source(lake, f'gold_ohlcv_{interval}')} ORDER BY ALL""").fetchall()
    assert len(stored) > 0
    assert stored == computed
