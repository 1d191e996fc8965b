"""A warm store whose rows came in slices an hour apart, so that runs with a smaller and smaller lag find something new each time."""

import datetime
import decimal
import json
from collections import defaultdict

from expectations import COLUMNS
from load_process import EXACT, WARM
from warm_store import comparable

SILVER, GOLD = "silver_trades", "gold_ohlcv_1m"
HOUR = datetime.timedelta(hours=1)
AGE = datetime.timedelta(hours=100)
START = datetime.datetime(2026, 2, 17, 23, 59, 40)
TRADES, CANDLES, REVISED = 12, 4, 2
IDENTITY = {SILVER: ("exchange", "symbol", "trade_id"), GOLD: ("exchange", "canonical_symbol", "window_start")}


def time_text(time):
    return time.isoformat(timespec="microseconds") + "Z"


def trade(number):
    """Every fifth has no number of the exchange; lists and maps of all sizes; two days, so that a batch has two files."""
    text = f"{number}.{number:06d}"
    row = {
        "message_id": f"00000000-0000-8000-8000-{number:012x}",
        "trade_id": f"BINANCE-{number}",
        "exchange": "binance",
        "symbol": "BTCUSDT" if number % 3 else "ETHUSDT",
        "canonical_symbol": "BTC/USDT" if number % 3 else "ETH/USDT",
        "asset_class": "crypto",
        "currency": "USDT",
        "price": text,
        "quantity": "0.000000000001",
        "quote_volume": f"0.{number:018d}",
        "side": "BUY" if number % 2 else "SELL",
        "trade_conditions": [f"c{n}" for n in range(number % 4)],
        "timestamp": time_text(START + datetime.timedelta(seconds=number % 40, microseconds=number)),
        "ingestion_timestamp": time_text(START),
        "origin": "stream",
        "vendor_data": {f"k{n}": f"värde {n}" for n in range(number % 3)},
        "is_valid": number % 7 > 0,
        "validation_errors": [] if number % 7 else ["instrument_inferred"],
    }
    return row if number % 5 == 0 else row | {"source_sequence": number}


def candle(number, revision):
    exchange = ("binance", "kraken")[number % 2]
    start = START.replace(second=0) + datetime.timedelta(minutes=number)
    prices = dict.fromkeys(("open_price", "high_price", "low_price", "close_price"), f"{number}.{revision}")
    return prices | {
        "exchange": exchange,
        "canonical_symbol": "BTC/USDT",
        "interval": "1m",
        "window_start": time_text(start),
        "open_time": time_text(start),
        "close_time": time_text(start + datetime.timedelta(seconds=59)),
        "volume": "1.5",
        "quote_volume": "2.25",
        "trade_count": 3 + revision,
        "buy_volume": "0.5",
        "first_sequence": number * 100,
        "last_sequence": number * 100 + 2 + revision,
        "revision": revision,
        "is_final": True,
        "has_gap": False,
    }


class Slices:
    """The tables of one database, filled; `count` slices, the first is number 0."""

    def __init__(self, port, database, count, base):
        self.port, self.database, self.count, self.base = port, database, count, base
        self._rows = {}

    @classmethod
    def fill(cls, store, count):
        base = (datetime.datetime.now(datetime.timezone.utc) - AGE).replace(tzinfo=None)
        slices = cls(store.server.port, store.database, count, base)
        trades, candles = [], []
        for number in range(count):
            for n in range(TRADES):
                # Half of them share one moment.
                loaded = slices.loaded_at(number) + datetime.timedelta(microseconds=max(0, n - TRADES // 2))
                trades.append(trade(1 + number * TRADES + n) | {"loaded_at": time_text(loaded)})
            for n in range(CANDLES):
                candles.append(candle(number * CANDLES + n, 0) | {"loaded_at": time_text(slices.loaded_at(number))})
            for n in range(REVISED if number else 0):
                # Of the candles of the slice before: the lake has them in a file that has to be written anew.
                candles.append(candle((number - 1) * CANDLES + n, 1) | {"loaded_at": time_text(slices.loaded_at(number))})
        for table in ("silver_trades", "ohlcv_1m"):
            # Rows that were replaced stay visible: runs up to an early slice want them.
            store.run(f"SYSTEM STOP MERGES {store.database}.{table}")
        slices._insert(store, "silver_trades", trades)
        for revision in (0, 1):
            slices._insert(store, "ohlcv_1m", [row for row in candles if row["revision"] == revision])
        slices.read(store.server)
        return slices

    def _insert(self, store, table, rows):
        body = "\n".join(map(json.dumps, rows)).encode()
        settings = {"database": store.database, "date_time_input_format": "best_effort", "max_partitions_per_insert_block": 0}
        answer = store.server.query(f"INSERT INTO {table} FORMAT JSONEachRow", body, **settings)
        assert answer.status == 200, answer.text

    def loaded_at(self, number):
        return self.base + number * HOUR

    def lag(self, number, attempt):
        """The safety lag of a run that takes all up to slice `number`. A later attempt reaches further, as it does when the lag is the same each time."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        return f"{int((now - self.loaded_at(number) - HOUR / 4).total_seconds()) - 10 * attempt}s"

    def read(self, server):
        """What ClickHouse has, once: nothing changes from here on."""
        for table in (SILVER, GOLD):
            name = table.removeprefix("gold_")
            sql = f"SELECT {', '.join(COLUMNS[table])}, toUnixTimestamp64Micro(loaded_at) AS came FROM {name} FORMAT JSONEachRow"
            answer = server.query(sql, database=self.database, **EXACT)
            assert answer.status == 200, answer.text
            raw = [json.loads(line, parse_float=decimal.Decimal) for line in answer.text.splitlines()]
            self._rows[table] = [(row.pop("came"), row) for row in raw]

    def expected(self, table, number):
        """The rows of ClickHouse up to slice `number`: of each identity the newest."""
        end = int((self.loaded_at(number) + HOUR / 2 - datetime.datetime(1970, 1, 1)).total_seconds() * 1_000_000)
        newest = defaultdict(lambda: None)
        for came, row in self._rows[table]:
            identity = tuple(row[name] for name in IDENTITY[table])
            if came < end and (newest[identity] is None or newest[identity].get("revision", 0) <= row.get("revision", 0)):
                newest[identity] = row
        return comparable(WARM[table.removeprefix("gold_")], list(newest.values()))
