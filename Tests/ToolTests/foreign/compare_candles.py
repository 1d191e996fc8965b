"""Compares the candles of k2-ohlcv with those that DuckDB computes in SQL from the same trades.

    compare_candles.py TRADES.ndjson CANDLES.ndjson

Prints the number of candles compared for each interval, or the first differences and exits with 1.
"""

import sys

import duckdb

WIDTHS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "1d": 86400}
COLUMNS = """exchange, canonical_symbol, interval, window_start, open_time, open_price, high_price, low_price, close_time, close_price,
    volume, quote_volume, trade_count, buy_volume, first_sequence, last_sequence"""


def text_columns(names):
    return "{" + ", ".join(f"{name}: 'VARCHAR'" for name in names.split()) + "}"


def main(trades, candles):
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    columns = text_columns("kind exchange symbol canonical_symbol trade_id price quantity quote_volume side timestamp source_sequence is_valid")
    db.execute(
        f"""CREATE TABLE trades AS
        SELECT exchange, canonical_symbol, price::DECIMAL(38,12) AS price, quantity::DECIMAL(38,12) AS quantity,
            quote_volume::DECIMAL(38,18) AS quote_volume, side, timestamp::TIMESTAMPTZ AS time,
            source_sequence::BIGINT AS sequence
        FROM read_json('{trades}', format='newline_delimited', columns={columns})
        WHERE kind = 'trade' AND is_valid = 'true'
        QUALIFY row_number() OVER (PARTITION BY exchange, symbol, trade_id) = 1"""
    )
    expected = " UNION ALL ".join(
        f"""SELECT exchange, canonical_symbol, '{name}' AS interval, to_timestamp(epoch_us(time) // 1000000 // {width} * {width}) AS window_start,
            min(time) AS open_time, arg_min(price, (time, sequence)) AS open_price, max(price) AS high_price, min(price) AS low_price,
            max(time) AS close_time, arg_max(price, (time, sequence)) AS close_price, sum(quantity) AS volume,
            sum(quote_volume) AS quote_volume, count(*) AS trade_count, sum(CASE side WHEN 'BUY' THEN quantity ELSE 0 END) AS buy_volume,
            min(sequence) AS first_sequence, max(sequence) AS last_sequence
        FROM trades GROUP BY ALL"""
        for name, width in WIDTHS.items()
    )
    db.execute(f"CREATE TABLE expected AS SELECT {COLUMNS} FROM ({expected})")
    columns = text_columns("kind revision is_final " + COLUMNS.replace(",", " "))
    db.execute(
        f"""CREATE TABLE found AS
        SELECT exchange, canonical_symbol, interval, window_start::TIMESTAMPTZ AS window_start, open_time::TIMESTAMPTZ AS open_time,
            open_price::DECIMAL(38,12) AS open_price, high_price::DECIMAL(38,12) AS high_price, low_price::DECIMAL(38,12) AS low_price,
            close_time::TIMESTAMPTZ AS close_time, close_price::DECIMAL(38,12) AS close_price, volume::DECIMAL(38,12) AS volume,
            quote_volume::DECIMAL(38,18) AS quote_volume, trade_count::BIGINT AS trade_count, buy_volume::DECIMAL(38,12) AS buy_volume,
            first_sequence::BIGINT AS first_sequence, last_sequence::BIGINT AS last_sequence
        FROM read_json('{candles}', format='newline_delimited', columns={columns})
        WHERE kind = 'candle' AND is_final = 'true'
        QUALIFY row_number() OVER (PARTITION BY exchange, canonical_symbol, interval, window_start ORDER BY revision::INT DESC) = 1"""
    )
    failed = False
    for name, query in {
        "missing or different": "SELECT * FROM expected EXCEPT SELECT * FROM found",
        "not expected": "SELECT * FROM found EXCEPT SELECT * FROM expected",
    }.items():
        rows = db.execute(f"SELECT * FROM ({query}) ORDER BY ALL").fetchall()
        if rows:
            failed = True
            print(f"{len(rows)} candles are {name}:", *rows[:5], sep="\n")
    if failed:
        sys.exit(1)
    for name in WIDTHS:
        count = db.execute("SELECT count(*) FROM found WHERE interval = ?", [name]).fetchone()[0]
        print(name, count)


main(sys.argv[1], sys.argv[2])
