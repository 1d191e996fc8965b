"""Values at the edges, written by hand into trade records: nulls, empty and full collections, far times, widest decimals."""

import copy

import pytest

from expectations import SILVER, difference
from pipeline import write_ndjson
from readers import READERS

BASE = {
    "kind": "trade",
    "message_id": "0f0e0d0c-0b0a-8908-8706-050403020100",
    "trade_id": "BINANCE-1",
    "exchange": "binance",
    "symbol": "BTCUSDT",
    "canonical_symbol": "BTC/USDT",
    "asset_class": "crypto",
    "currency": "USDT",
    "price": "76745.18000000",
    "quantity": "0.00065000",
    "quote_volume": "49.8843670000000000",
    "side": "BUY",
    "timestamp": "2026-02-18T00:00:00.023596Z",
    "ingestion_timestamp": "2026-02-18T00:00:00.123456Z",
    "source_sequence": 1,
    "origin": "stream",
    "is_valid": True,
}


def trade(number, without=(), **changes):
    """A trade of its own identity; field order as in the record format."""
    record = copy.deepcopy(BASE)
    record |= {"message_id": f"00000000-0000-8000-8000-{number:012x}", "trade_id": f"BINANCE-{number}", "source_sequence": number} | changes
    for name in without:
        del record[name]
    order = ["kind", *SILVER]
    return {name: record[name] for name in order if name in record}


TRADES = [
    trade(1),
    trade(2, without=["source_sequence"]),
    trade(3, trade_conditions=["limit"], vendor_data={"side": "SELL", "ord_type": "limit"}, validation_errors=["instrument_inferred"]),
    trade(4, trade_conditions=["a", "", "ü€😀", "with \"quotes\" and \\ and \n"], vendor_data={"": "", "ключ": "значение", "k\t": "\u0000"}),
    trade(5, trade_conditions=[f"c{i}" for i in range(3000)], vendor_data={f"k{i}": f"v{i}" for i in range(3000)}),
    trade(6, timestamp="1970-01-01T00:00:00.000000Z"),
    trade(7, timestamp="9999-12-31T23:59:59.999999Z", ingestion_timestamp="9999-12-31T23:59:59.999999Z"),
    trade(8, timestamp="1969-12-31T23:59:59.999999Z"),
    trade(9, price="99999999999999999999999999.999999999999", quantity="0.000000000001", quote_volume="99999999999999.999999999999999999"),
    trade(10, price="-1.5", quantity="-0.000000000001", quote_volume="0.000000000002", is_valid=False, validation_errors=["price_not_positive", "quantity_not_positive"]),
    trade(11, price="0", quantity="0", quote_volume="0", is_valid=False, validation_errors=["price_not_positive"]),
    trade(12, side="UNKNOWN", source_sequence=9007199254740992),
    trade(13, source_sequence="9223372036854775807"),
    trade(14, message_id="ffffffff-ffff-ffff-ffff-ffffffffffff", canonical_symbol="ÄÖ/€", symbol="ÄÖ€"),
    trade(15, message_id="00000000-0000-0000-0000-000000000000", trade_conditions=[], vendor_data={}),
]


@pytest.fixture(scope="module")
def edge_lake(tools, tmp_path_factory):
    from pipeline import Lake

    folder = tmp_path_factory.mktemp("edges")
    made = Lake(folder / "lake", write_ndjson(folder / "stream.ndjson", TRADES))
    tools.load(made)
    return made


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_every_value_comes_back(edge_lake, reader):
    trades = TRADES
    if reader.name == "clickhouse":
        # DateTime64(6) of ClickHouse ends before the year 2300; the others check the far times.
        trades = [t for t in trades if t["trade_id"] not in ("BINANCE-7",)]
        rows = [r for r in reader.rows(edge_lake, "silver_trades") if r["trade_id"] not in ("BINANCE-7",)]
    else:
        rows = reader.rows(edge_lake, "silver_trades")
    problem = difference(SILVER, trades, rows)
    assert problem is None, problem


@pytest.mark.parametrize("price", ["100000000000000000000000000", "0.0000000000001"])
def test_a_value_that_does_not_fit_is_refused_not_rounded(tools, empty_lake, tmp_path, price):
    """Nothing of it reaches the table, and the loader says so."""
    lake = empty_lake(write_ndjson(tmp_path / "stream.ndjson", [trade(1), trade(2, price=price)]))
    process = tools.start_load(lake)
    _, said = process.communicate()
    assert said.strip(), "a refused record must be mentioned"
    rows = READERS[0].rows(lake, "silver_trades")
    assert [row["trade_id"] for row in rows] == ["BINANCE-1"]
