"""What exchanges really sent, and a reading of it that shares nothing with the tools.

The recordings lie outside of the project: in `../shared/data/exchanges`, or where `K2_TEST_SHARED` says. A few of their
messages stand here, so that the tests check something everywhere.
"""

import json
import os
import pathlib
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

import pytest

from pipeline import ROOT

SHARED = pathlib.Path(os.environ.get("K2_TEST_SHARED", ROOT.parent / "shared/data/exchanges"))
needs_recordings = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"recorded sessions are not at hand: no folder {SHARED}; K2_TEST_SHARED names it"
)

# Recorded, verbatim.
BINANCE = [
    b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1639351062244,"s":"ETHUSDT","t":705291099,"p":"4149.74000000",'
    b'"q":"0.43870000","b":7038593583,"a":7038593613,"T":1639351062243,"m":true,"M":true}}',
    b'{"stream":"ethusdt@aggTrade","data":{"e":"aggTrade","E":1675759520848,"s":"ETHUSDT","a":226532,"p":"1632.46000000",'
    b'"q":"0.34305000","f":228423,"l":228423,"T":1675759520847,"m":false,"M":true,"st":1}}',
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1789295137364,"s":"BTCUSDT","t":388511,"p":"76745.18000000",'
    b'"q":"0.00065000","T":1789295137364,"m":true,"M":true}}',
]
KRAKEN = [
    b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
    b'"connection_id":18125794168470749634,"upcoming_maintenance":[],"emergency":[]}]}',
    b'{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true,'
    b'"time_in":"2026-09-25T17:48:24.745996Z","time_out":"2026-09-25T17:48:24.746032Z"}',
    b'{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD",'
    b'"time_in":"2026-09-25T17:48:54.701041Z","time_out":"2026-09-25T17:48:54.701062Z"}',
    b'{"channel":"heartbeat"}',
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,'
    b'"ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}]}',
]
COINBASE = [
    b'{"channel":"market_trades","timestamp":"2026-06-14T05:54:18.66623968Z","sequence_num":0,"events":[{"type":"snapshot",'
    b'"trades":[{"product_id":"BTC-USD","trade_id":"1037798145","price":"64340.74","size":"0.00746872",'
    b'"time":"2026-06-14T05:54:17.799285Z","side":"SELL"}]}]}',
    b'{"channel":"heartbeats","client_id":"","timestamp":"2026-09-30T02:37:15.057895263Z","sequence_num":3,"events":'
    b'[{"current_time":"2026-09-30 02:37:15.057778606 +0000 UTC m=+21697.195984854","heartbeat_counter":21697}]}',
    b'{"channel":"market_trades","timestamp":"2026-09-30T02:39:59.551901038Z","sequence_num":247,"events":[{"type":"update",'
    b'"trades":[{"product_id":"ETH-USD","trade_id":"846155167","price":"2667.2","size":"0.84275842",'
    b'"time":"2026-09-30T02:39:59.4104Z","side":"SELL"}]}]}',
]
LITERAL = {"binance": BINANCE, "kraken": KRAKEN, "coinbase": COINBASE}
FILES = {"binance": "binance_trades.ndjson", "kraken": "kraken_v2_trades.ndjson", "coinbase": "coinbase_advanced_market_trades.ndjson"}


def captured(file):
    """The messages that were recorded from the exchange, verbatim: all between `"msg":` and the last brace."""
    lines = (SHARED / file).read_bytes().splitlines()
    return [line[line.index(b'"msg":') + 6 : -1] for line in lines if b'"dir":"in","kind":"captured"' in line]


def recorded_page(file):
    """A REST answer as it was stored."""
    return (SHARED / file).read_bytes()


class Trade(NamedTuple):
    """One trade with the taker's side, the exchange's own digits, and µs since 1970."""

    symbol: str
    id: str
    price: str
    size: str
    side: str
    micros: int


def micros_of(text):
    """µs of RFC 3339 text in UTC; digits beyond are cut."""
    second, fraction = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z", text).groups()
    whole = datetime.fromisoformat(second).replace(tzinfo=timezone.utc).timestamp()
    return int(whole) * 1_000_000 + int(((fraction or "") + "000000")[:6])


def rfc3339(micros):
    return (datetime(1970, 1, 1) + timedelta(microseconds=micros)).isoformat(timespec="microseconds") + "Z"


def seconds_to_micros(digits):
    """µs of seconds such as `1762795433.9717445`; digits beyond are cut."""
    return int(Decimal(digits) * 1_000_000)


def exact(text):
    """JSON with every number as the digits that stand there."""
    return json.loads(text, parse_float=str, parse_int=str)


def plain(symbol):
    return symbol.replace("/", "").replace("-", "")


OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}


def binance_trades(message):
    """`m` true: the buyer was the maker, so the taker sold. Times are ms, or µs, which have three digits more."""
    event = message.get("data", message)
    if not isinstance(event, dict) or event.get("e") != "trade":
        return
    time = int(event["T"]) * (1000 if len(event["T"]) == 13 else 1)
    yield Trade(event["s"], event["t"], event["p"], event["q"], "SELL" if event["m"] else "BUY", time)


def kraken_trades(message):
    """`side` is the taker's."""
    if message.get("channel") != "trade":
        return
    for row in message["data"]:
        yield Trade(plain(row["symbol"]), row["trade_id"], row["price"], row["qty"], row["side"].upper(), micros_of(row["timestamp"]))


def coinbase_trades(message):
    """`side` is the maker's."""
    if message.get("channel") != "market_trades":
        return
    for event in message["events"]:
        for row in event["trades"]:
            side = OPPOSITE[row["side"]]
            yield Trade(plain(row["product_id"]), row["trade_id"], row["price"], row["size"], side, micros_of(row["time"]))


READ = {"binance": binance_trades, "kraken": kraken_trades, "coinbase": coinbase_trades}


def trades_of(exchange, messages):
    """Every trade of these messages once, in the order of their ids."""
    return sorted({trade for message in messages for trade in READ[exchange](exact(message))}, key=order)


def order(trade):
    return trade.symbol, int(trade.id)


def normalized(record):
    """A `trade` record of k2-normalize."""
    return Trade(
        record["symbol"], record["trade_id"].split("-", 1)[1], record["price"], record["quantity"], record["side"],
        micros_of(record["timestamp"]),
    )  # fmt: skip


# Messages and rows in the exchanges' own form, made of recorded trades.


def binance_message(trade, digits=13):
    """An event of a combined stream; 13 digits of time are ms, 16 are µs."""
    time = trade.micros // 10 ** (16 - digits)
    return (
        f'{{"stream":"{trade.symbol.lower()}@trade","data":{{"e":"trade","E":{time},"s":"{trade.symbol}","t":{trade.id},'
        f'"p":"{trade.price}","q":"{trade.size}","T":{time},"m":{str(trade.side == "SELL").lower()},"M":true}}}}'
    ).encode()


def binance_row(trade):
    quote = Decimal(trade.price) * Decimal(trade.size)
    return (
        f'{{"id":{trade.id},"price":"{trade.price}","qty":"{trade.size}","quoteQty":"{quote:.8f}",'
        f'"time":{trade.micros // 1000},"isBuyerMaker":{str(trade.side == "SELL").lower()},"isBestMatch":true}}'
    )


def binance_row_trade(row, symbol):
    return Trade(symbol, row["id"], row["price"], row["qty"], "SELL" if row["isBuyerMaker"] else "BUY", int(row["time"]) * 1000)


def kraken_message(symbol, trades, kind="update"):
    rows = ",".join(
        f'{{"symbol":"{symbol}","side":"{trade.side.lower()}","price":{trade.price},"qty":{trade.size},"ord_type":"limit",'
        f'"trade_id":{trade.id},"timestamp":"{rfc3339(trade.micros)}"}}'
        for trade in trades
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'.encode()


def kraken_row(trade):
    seconds = Decimal(trade.micros) / 1_000_000
    return f'["{trade.price}","{trade.size}",{seconds:.7f},"{trade.side[0].lower()}","l","",{trade.id}]'


def kraken_row_trade(row, symbol):
    price, size, time, side, _, _, number = row
    return Trade(symbol, number, price, size, {"b": "BUY", "s": "SELL"}[side], seconds_to_micros(time))


def coinbase_event(kind, trades, product):
    """One event; `product` maps a plain symbol to the exchange's spelling."""
    rows = ",".join(
        f'{{"product_id":"{product[trade.symbol]}","trade_id":"{trade.id}","price":"{trade.price}","size":"{trade.size}",'
        f'"time":"{cut_zeros(rfc3339(trade.micros))}","side":"{OPPOSITE[trade.side]}"}}'
        for trade in trades
    )
    return f'{{"type":"{kind}","trades":[{rows}]}}'


def coinbase_message(number, events, channel="market_trades"):
    return (
        f'{{"channel":"{channel}","timestamp":"2026-09-30T02:39:59.551901038Z","sequence_num":{number},"events":[{",".join(events)}]}}'
    ).encode()


def coinbase_row(trade):
    side = OPPOSITE[trade.side].lower()
    return (
        f'{{"trade_id":{trade.id},"side":"{side}","size":"{trade.size}","price":"{trade.price}","time":"{rfc3339(trade.micros)}"}}'
    )


def cut_zeros(time):
    """Coinbase leaves out the zeros at the end of a time."""
    return time[:-1].rstrip("0").rstrip(".") + "Z"
