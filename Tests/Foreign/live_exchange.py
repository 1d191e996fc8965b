"""What the test exchanges list, and how their REST interfaces answer."""

import json
import urllib.parse

from live_traffic import Trade, coinbase_row, micros_of

PAIRS = {
    "binance": {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"},
    "kraken": {"XBTUSD": "XBT/USD", "ETHUSD": "ETH/USD", "XBTUSDT": "XBT/USDT"},
    "coinbase": {"BTC-USD": "BTC/USD", "ETH-USD": "ETH/USD"},
}
SYMBOLS = {"binance": ["BTCUSDT", "ETHUSDT"], "kraken": ["BTC/USD", "ETH/USD"], "coinbase": ["BTC-USD", "ETH-USD"]}


def instrument_list(exchange, pairs):
    """The exchange's own list; `pairs` maps its name of a pair to BASE/QUOTE."""
    split = {name: pair.split("/") for name, pair in pairs.items()}
    match exchange:
        case "binance":
            symbols = [{"symbol": name, "status": "TRADING", "baseAsset": b, "quoteAsset": q} for name, (b, q) in split.items()]
            return "/api/v3/exchangeInfo", {"timezone": "UTC", "symbols": symbols}
        case "kraken":
            result = {name: {"altname": name, "wsname": pair, "status": "online"} for name, pair in pairs.items()}
            return "/0/public/AssetPairs", {"error": [], "result": result}
        case "coinbase":
            return "/products", [{"id": n, "base_currency": b, "quote_currency": q, "status": "online"} for n, (b, q) in split.items()]


def rest_of(exchange, pairs=None, history=None):
    """REST answers: the list of instruments; other paths go to `history(path, query)`."""
    list_path, listed = instrument_list(exchange, pairs or PAIRS[exchange])

    def answer(target):
        parts = urllib.parse.urlsplit(target)
        if parts.path == list_path:
            return 200, json.dumps(listed).encode()
        if history is None:
            return 200, b'{"error":[],"result":{"last":"0"}}' if exchange == "kraken" else b"[]"
        return 200, history(parts.path, dict(urllib.parse.parse_qsl(parts.query)))

    return answer


def newest_first(trades):
    return sorted(trades, key=lambda trade: -int(trade.id))


def binance_history(rows):
    """`historicalTrades`: up from `fromId`, else the newest; rows are the stored text."""

    def answer(path, query):
        assert path == "/api/v3/historicalTrades", path
        limit = int(query.get("limit", 500))
        assert 1 <= limit <= 1000
        if "fromId" not in query:
            return joined(list(rows.values())[-limit:])
        return joined([text for number, text in rows.items() if number >= int(query["fromId"])][:limit])

    return answer


def joined(texts):
    return f"[{','.join(texts)}]".encode()


def kraken_history(pair, rows):
    """`Trades`: up in time from `since` on; `last` is the time of the last row."""

    def answer(path, query):
        assert path == "/0/public/Trades" and query["pair"] == pair, (path, query)
        since, count = int(query.get("since", 0)), int(query.get("count", 1000))
        assert 1 <= count <= 1000
        later = [(time, text) for time, text in rows if time * 1000 >= since]
        page = later[:count] if "since" in query else later[-count:]
        last = page[-1][0] * 1000 if page else since
        return f'{{"error":[],"result":{{"{pair}":[{",".join(text for _, text in page)}],"last":"{last}"}}}}'.encode()

    return answer


def coinbase_history(trades):
    """`trades`: the newest first; `after` names the one behind the page."""

    def answer(path, query):
        limit, after = int(query["limit"]), int(query.get("after", 1 << 62))
        assert 1 <= limit <= 1000
        return joined([coinbase_row(trade) for trade in newest_first(trades) if int(trade.id) < after][:limit])

    return answer


def numbered(symbol, count):
    """Trades a quarter of a second apart."""
    start = micros_of("2026-09-30T02:03:22.285778Z") // 1000 * 1000
    return [Trade(symbol, str(5000 + i), f"8343{i % 10}.17", f"0.00{i % 89 + 1:06d}", "BUY" if i % 3 else "SELL", start + i * 250_000) for i in range(count)]
