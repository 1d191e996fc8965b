"""From records of the stream to the rows that a table must hold."""

from collections import Counter
from decimal import Decimal

from pipeline import INTERVALS, final_candles
from readers import microseconds

# Columns of each table and their Iceberg types, in order.
DECIMAL, QUOTE = "decimal(38, 12)", "decimal(38, 18)"
SILVER = {
    "message_id": "uuid",
    "trade_id": "string",
    "exchange": "string",
    "symbol": "string",
    "canonical_symbol": "string",
    "asset_class": "string",
    "currency": "string",
    "price": DECIMAL,
    "quantity": DECIMAL,
    "quote_volume": QUOTE,
    "side": "string",
    "trade_conditions": "list<string>",
    "timestamp": "timestamptz",
    "ingestion_timestamp": "timestamptz",
    "source_sequence": "long",
    "origin": "string",
    "vendor_data": "map<string, string>",
    "is_valid": "boolean",
    "validation_errors": "list<string>",
}
BRONZE = {
    "exchange_timestamp": "timestamptz",
    "sequence_number": "long",
    "trade_id": "string",
    "symbol": "string",
    "price": DECIMAL,
    "quantity": DECIMAL,
    "quote_volume": QUOTE,
    "side": "string",
    "event_time": "timestamptz",
    "ingestion_timestamp": "timestamptz",
    "payload": "string",
    "kafka_partition": "int",
    "kafka_offset": "long",
}
GOLD = {
    "exchange": "string",
    "canonical_symbol": "string",
    "interval": "string",
    "window_start": "timestamptz",
    "open_time": "timestamptz",
    "open_price": DECIMAL,
    "high_price": DECIMAL,
    "low_price": DECIMAL,
    "close_time": "timestamptz",
    "close_price": DECIMAL,
    "volume": DECIMAL,
    "quote_volume": QUOTE,
    "trade_count": "long",
    "buy_volume": DECIMAL,
    "first_sequence": "long",
    "last_sequence": "long",
    "revision": "int",
    "is_final": "boolean",
    "has_gap": "boolean",
}
GAPS = {
    "exchange": "string",
    "symbol": "string",
    "first_missing": "long",
    "last_missing": "long",
    "after_time": "timestamptz",
    "before_time": "timestamptz",
    "state": "string",
    "cause": "string",
    "detected_at": "timestamptz",
}
COLUMNS = {
    **{f"bronze_trades_{exchange}": BRONZE for exchange in ("binance", "kraken", "coinbase")},
    "silver_trades": SILVER,
    **{f"gold_ohlcv_{interval}": GOLD for interval in INTERVALS},
    "feed_gaps": GAPS,
}
# Columns that may be null; lists and maps are never null, only empty.
OPTIONAL = {
    "sequence_number", "event_time", "kafka_partition", "kafka_offset", "source_sequence",
    "first_sequence", "last_sequence", "after_time", "before_time", "cause",
}  # fmt: skip


def source_records(table, records):
    """The records of the stream that a table holds."""
    if table == "silver_trades":
        return [r for r in records if r["kind"] == "trade"]
    if table == "feed_gaps":
        return [r for r in records if r["kind"] == "gap"]
    if table.startswith("bronze_trades_"):
        exchange = table.removeprefix("bronze_trades_")
        return [r for r in records if r["kind"] == "bronze" and r["exchange"] == exchange]
    interval = table.removeprefix("gold_ohlcv_")
    assert interval in INTERVALS, table
    return list(final_candles([r for r in records if r["kind"] == "candle"], interval).values())


def expected_value(type_text, value):
    """A JSON value as the readers must give it back; absent lists and maps are empty ones."""
    if type_text.startswith("list"):
        return tuple(value or ())
    if type_text.startswith("map"):
        return tuple(sorted((value or {}).items()))
    if value is None:
        return None
    if type_text.startswith("decimal"):
        return Decimal(value)
    if type_text.startswith("timestamp"):
        return microseconds(value)
    if type_text in ("long", "int"):
        return int(value)
    return value


def read_value(type_text, value):
    """A value of a reader in the same form."""
    if type_text.startswith("list"):
        return tuple(value or ())
    if type_text.startswith("map"):
        return tuple(sorted((value or {}).items()))
    return value


def difference(types, records, rows):
    """None when the rows are exactly the records, else a text that shows where they are not."""
    wanted = Counter(tuple(expected_value(t, r.get(c)) for c, t in types.items()) for r in records)
    found = Counter(tuple(read_value(t, r[c]) for c, t in types.items()) for r in rows)
    if wanted == found:
        return None
    missing, extra = list((wanted - found).elements()), list((found - wanted).elements())
    lines = [f"{len(records)} records, {len(rows)} rows; {len(missing)} missing, {len(extra)} not in the stream"]
    lines += [f"  missing {dict(zip(types, row))}" for row in missing[:2]]
    lines += [f"  extra   {dict(zip(types, row))}" for row in extra[:2]]
    return "\n".join(lines)
