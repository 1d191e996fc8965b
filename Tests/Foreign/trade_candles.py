"""Candles computed from trade records in plain Python, and trades that are hard to make candles of."""

import random
from decimal import Decimal, localcontext

from readers import microseconds

FIRST = 1_771_372_800_000_000  # 2026-02-18T00:00:00Z


def timestamp(time):
    """Microseconds since 1970 → RFC 3339."""
    import datetime

    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=time)
    return moment.isoformat(timespec="microseconds") + "Z"


def random_trades(seed, number, first=FIRST, step=5_000_000):
    """Few instants, so that many are shared; sequences out of order, some missing; some trades invalid."""
    source = random.Random(seed)
    trades = []
    for index in range(number):
        exchange, symbol, base = source.choice([("binance", "BTCUSDT", "BTC/USDT"), ("kraken", "BTCUSDT", "BTC/USDT"), ("binance", "AB", "A/B")])
        price = Decimal(source.randrange(1, 10**14)).scaleb(-8)
        quantity = Decimal(source.randrange(1, 10**source.randrange(1, 14))).scaleb(-8)
        sequence = None if source.random() < 0.1 else source.randrange(2**62)
        trades.append(
            {
                "kind": "trade",
                "message_id": f"00000000-0000-8000-8000-{index:012x}",
                "trade_id": f"{exchange.upper()}-{index}",
                "exchange": exchange,
                "symbol": symbol,
                "canonical_symbol": base,
                "asset_class": "crypto",
                "currency": base.split("/")[1],
                "price": f"{price:f}",
                "quantity": f"{quantity:f}",
                "quote_volume": f"{price * quantity:f}",
                "side": source.choice(["BUY", "SELL", "UNKNOWN"]),
                "timestamp": timestamp(first + source.randrange(number) // 2 * step + source.choice([0, 0, 1, -1])),
                "ingestion_timestamp": timestamp(first),
                **({} if sequence is None else {"source_sequence": sequence}),
                "origin": "stream",
                "is_valid": source.random() > 0.05,
            }
        )
    return trades


def candles(trades, interval, width):
    """(exchange, canonical symbol, window) → candle of the valid trades; every trade once, whatever its copies."""
    windows = {}
    for trade in {(t["exchange"], t["symbol"], t["trade_id"]): t for t in trades}.values():
        if trade["is_valid"]:
            time = microseconds(trade["timestamp"])
            start = time // (width * 1_000_000) * width * 1_000_000
            windows.setdefault((trade["exchange"], trade["canonical_symbol"], start), []).append(trade)
    return {key: candle(key, interval, members) for key, members in windows.items()}


def candle(key, interval, trades):
    def exact(value, scale):
        return f"{Decimal(value).quantize(Decimal(1).scaleb(-scale)):f}"

    with localcontext() as context:
        context.prec = 60
        trades = sorted(trades, key=lambda t: (t["timestamp"], t.get("source_sequence", 0), t["trade_id"]))
        prices = [Decimal(t["price"]) for t in trades]
        sequences = [t["source_sequence"] for t in trades if "source_sequence" in t]
        return {
            "exchange": key[0],
            "canonical_symbol": key[1],
            "interval": interval,
            "window_start": timestamp(key[2]),
            "open_time": trades[0]["timestamp"],
            "open_price": exact(prices[0], 12),
            "high_price": exact(max(prices), 12),
            "low_price": exact(min(prices), 12),
            "close_time": trades[-1]["timestamp"],
            "close_price": exact(prices[-1], 12),
            "volume": exact(sum(Decimal(t["quantity"]) for t in trades), 12),
            "quote_volume": exact(sum(Decimal(t["quote_volume"]) for t in trades), 18),
            "trade_count": len(trades),
            "buy_volume": exact(sum(Decimal(t["quantity"]) for t in trades if t["side"] == "BUY"), 12),
            "first_sequence": min(sequences, default=None),
            "last_sequence": max(sequences, default=None),
        }
