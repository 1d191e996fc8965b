"""A filter opens only the files that can hold its rows, and finds every row that there is."""

import datetime

import pytest
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThan

from pipeline import read_ndjson
from readers import ClickHouse, DuckDB, PyIceberg, microseconds

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def days(lake):
    """Day → the trades of it, from the stream."""
    found = {}
    for record in read_ndjson(lake.stream):
        if record["kind"] == "trade":
            found.setdefault(record["timestamp"][:10], []).append(record)
    assert len(found) >= 3, "the recordings must span several days"
    return found


def day_filter(day):
    start = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
    return between(start.isoformat(), (start + DAY).isoformat())


def between(first, last):
    """pyiceberg wants a numeric zone in times."""
    return And(GreaterThanOrEqual("timestamp", first.replace("Z", "+00:00")), LessThan("timestamp", last.replace("Z", "+00:00")))


def test_each_day_opens_its_own_files_only(lake, days):
    table = PyIceberg().table(lake, "silver_trades")
    everything = {task.file.file_path for task in table.scan().plan_files()}
    seen = set()
    for day in days:
        files = {task.file.file_path for task in table.scan(row_filter=day_filter(day)).plan_files()}
        assert files and files < everything
        assert not files & seen, "a file was opened for two days"
        seen |= files
    assert seen == everything


def test_a_day_without_trades_opens_nothing(lake, days):
    table = PyIceberg().table(lake, "silver_trades")
    after = (datetime.date.fromisoformat(max(days)) + DAY).isoformat()
    assert list(table.scan(row_filter=day_filter(after)).plan_files()) == []


def test_filtered_rows_are_all_there(lake, days):
    for day, trades in days.items():
        rows = PyIceberg().rows(lake, "silver_trades", day_filter(day))
        assert {(r["exchange"], r["symbol"], r["trade_id"]) for r in rows} == {(t["exchange"], t["symbol"], t["trade_id"]) for t in trades}


def test_bounds_on_a_sorted_column_lose_nothing(lake, days):
    """Row groups and files are skipped by statistics in every engine; the counts must not change."""
    symbols = {}
    for trades in days.values():
        for trade in trades:
            symbols[trade["canonical_symbol"]] = symbols.get(trade["canonical_symbol"], 0) + 1
    for symbol, count in symbols.items():
        assert len(PyIceberg().rows(lake, "silver_trades", EqualTo("canonical_symbol", symbol))) == count
        assert len(DuckDB().rows(lake, "silver_trades", f"canonical_symbol = '{symbol}'")) == count
        assert len(ClickHouse().rows(lake, "silver_trades", f"canonical_symbol = '{symbol}'")) == count


def test_a_time_range_inside_a_day_in_all_engines(lake, days):
    day, trades = max(days.items(), key=lambda item: len(item[1]))
    times = sorted(t["timestamp"] for t in trades)
    first, last = times[len(times) // 4], times[3 * len(times) // 4]
    wanted = sum(first <= t < last for t in times)
    assert wanted > 0
    rows = PyIceberg().rows(lake, "silver_trades", between(first, last))
    assert len(rows) == wanted
    low, high = microseconds(first), microseconds(last)
    assert len(DuckDB().rows(lake, "silver_trades", f"timestamp >= make_timestamptz({low}) AND timestamp < make_timestamptz({high})")) == wanted
    found = ClickHouse().rows(
        lake, "silver_trades", f"timestamp >= fromUnixTimestamp64Micro({low}, 'UTC') AND timestamp < fromUnixTimestamp64Micro({high}, 'UTC')"
    )
    assert len(found) == wanted
