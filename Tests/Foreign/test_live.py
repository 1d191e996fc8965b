"""`k2-feed live` with the recorded sessions of the exchanges: what it says to them, what it keeps, and what comes of it."""

import time

import pytest

from live_exchange import SYMBOLS, binance_history, coinbase_history, kraken_history, newest_first, numbered, rest_of
from live_feed import Feed
from live_server import DIALECTS, LiveServer, binance, coinbase, kraken, play_once
from live_traffic import (
    FILES,
    LITERAL,
    Trade,
    binance_message,
    binance_row,
    binance_row_trade,
    captured,
    coinbase_event,
    coinbase_message,
    coinbase_row,
    exact,
    kraken_message,
    kraken_row,
    kraken_row_trade,
    micros_of,
    needs_recordings,
    order,
    plain,
    recorded_page,
    seconds_to_micros,
    trades_of,
)


def messages_from(source, exchange):
    return LITERAL[exchange] if source == "literal" else captured(FILES[exchange])


SOURCES = ["literal", pytest.param("recorded", marks=needs_recordings)]


# What was sent is kept, and understood


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("exchange", ["binance", "kraken", "coinbase"])
def test_a_session_is_kept_byte_for_byte_and_every_trade_comes_once(tools, tmp_path, exchange, source):
    """Newest recordings first, as ids rise: what lies between two recordings is no hole of ours."""
    messages = sorted(messages_from(source, exchange), key=lambda m: -max([int(t.id) for t in trades_of(exchange, [m])], default=0))
    with LiveServer(DIALECTS[exchange], play_once(*messages, *messages), rest_of(exchange)) as server:
        with Feed(tools, tmp_path, exchange, server, symbols=SYMBOLS[exchange]) as feed:
            expected = [m for m in messages if trades_of(exchange, [m])]
            feed.until(lambda: [m for _, m in feed.messages].count(messages[-1]) == (1 if messages[-1] in expected else 2))
            feed.until(lambda: all(m in [kept for _, kept in feed.messages] for m in messages))
        kept = [message for _, message in feed.messages]
        sent = server.conversations[0].sent
    check_envelopes(feed, sent)
    for message in messages:
        # Trades that came before are left out; anything else is kept each time.
        assert kept.count(message) == (1 if message in expected else 2), message
    for origin, message in feed.messages:
        assert origin == ("snapshot" if b'"type":"snapshot"' in message else "stream"), message
    others = [message for message in kept if b'"aggTrade"' in message or b'"channel":"ohlc"' in message]
    assert feed.trades(rejected=others) == trades_of(exchange, messages)


def check_envelopes(feed, sent):
    """`sequence` is the place of a message among all that the connection brought."""
    records = feed.records_of("raw")
    assert len({record["connection"] for record in records}) == 1
    assert [sent[record["sequence"] - 1] for record in records] == [message for _, message in feed.messages]
    times = [micros_of(record["received_at"]) for record in records]
    assert times == sorted(times) and feed.began_at <= times[0] and times[-1] <= time.time() * 1e6


@pytest.mark.parametrize("digits", [13, 16], ids=["ms", "us"])
def test_binance_times_in_either_unit(tools, tmp_path, digits):
    micros = 1789295137364123 if digits == 16 else 1789295137364000
    sent = [Trade("BTCUSDT", str(388511 + i), "76745.18000000", "0.00065000", "SELL", micros + i * 1000) for i in range(3)]
    with LiveServer(binance, play_once(*(binance_message(t, digits) for t in sent)), rest_of("binance")) as server:
        with Feed(tools, tmp_path, "binance", server, symbols=["BTCUSDT"]) as feed:
            feed.until_messages(1 + len(sent))
        assert server.conversations[0].path == "/stream?timeUnit=MICROSECOND"
    assert feed.trades() == sent


def test_kraken_refuses_one_symbol_and_takes_the_other(tools, tmp_path):
    """Status, answers, heartbeats and a snapshot around the trades; a refused symbol is named."""
    history = [Trade("BTCUSD", str(i), f"8374{i}.30", "0.00044780", "SELL", micros_of("2026-09-25T17:48:20.844359Z") + i) for i in range(50)]
    update = kraken_message("BTC/USD", [history[-1]._replace(id="50"), history[-1]._replace(id="51", size="1.0", side="BUY")])
    snapshot = kraken_message("BTC/USD", history, "snapshot")

    async def play(conversation):
        await conversation.send(LITERAL["kraken"][0])
        await conversation.subscribed.wait()
        await conversation.send(snapshot, b'{"channel":"heartbeat"}', update)

    def dialect(request, conversation):
        return kraken(request, conversation, unsupported={"ETH/USD"})

    with LiveServer(dialect, play, rest_of("kraken")) as server:
        with Feed(tools, tmp_path, "kraken", server, symbols=SYMBOLS["kraken"]) as feed:
            feed.until(lambda: ("stream", update) in feed.messages)
            feed.until_said("ETH/USD", "Currency pair not supported")
        request = server.conversations[0].requests[0]
    assert request["method"] == "subscribe"
    assert request["params"] == {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": True}
    assert ("snapshot", snapshot) in feed.messages
    assert feed.trades() == trades_of("kraken", [snapshot, update])
    assert len(server.conversations) == 1


# Coinbase: many trades, products and events in a message, the newest first


def coinbase_recorded_trades():
    """The recorded matches as Advanced Trade would send them: numbers without zeros at their ends."""
    rows = [exact(message) for message in captured("coinbase_exchange_matches.ndjson")]
    rows = [row for row in rows if row["type"] in ("match", "last_match") and row["time"] < "2022"]
    trades = [
        Trade(plain(row["product_id"]), row["trade_id"], short(row["price"]), short(row["size"]), "SELL" if row["side"] == "buy" else "BUY",
              micros_of(row["time"]))
        for row in rows
    ]  # fmt: skip
    return trades, {plain(row["product_id"]): row["product_id"] for row in rows}


def short(digits):
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def coinbase_batches(trades, product, size):
    """Bodies of messages: up to `size` trades each, an event for every two products, the newest first."""
    for start in range(0, len(trades), size):
        batch = newest_first(trades[start : start + size])
        names = sorted({trade.symbol for trade in batch})
        pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
        yield [coinbase_event("update", [t for t in batch if t.symbol in pair], product) for pair in pairs]


@needs_recordings
def test_coinbase_batches_with_data_before_the_answer(tools, tmp_path):
    trades, product = coinbase_recorded_trades()
    first = {trade.symbol: trade for trade in reversed(trades)}
    later = [trade for trade in trades if trade not in first.values()]
    batches = list(coinbase_batches(later, product, 16))
    sent = []

    def dialect(request, conversation):
        """The history comes before the answer."""
        if request["channel"] == "market_trades":
            sent.append(coinbase_message(conversation.next_number(), [coinbase_event("snapshot", first.values(), product)]))
            yield sent[-1]
        yield from coinbase(request, conversation)

    async def play(conversation):
        await conversation.subscribed.wait()
        for events in batches:
            sent.append(coinbase_message(conversation.next_number(), events))
            await conversation.send(sent[-1])

    pairs = {name: name.replace("-", "/") for name in product.values()}
    with LiveServer(dialect, play, rest_of("coinbase", pairs)) as server:
        with Feed(tools, tmp_path, "coinbase", server, symbols=list(pairs)) as feed:
            feed.until(lambda: len(sent) == 1 + len(batches) and ("stream", sent[-1]) in feed.messages)
        requests = server.conversations[0].requests
        assert server.paths == ["/products"], "nothing was missing"
    kept = feed.messages
    assert [message for _, message in kept if b'"market_trades","timestamp"' in message] == sent
    assert ("snapshot", sent[0]) in kept
    assert feed.trades() == sorted(trades, key=order)
    assert feed.gaps == []
    assert all(isinstance(request["channel"], str) for request in requests), "one channel a message"


def test_coinbase_number_that_jumps_has_the_newest_trades_asked_for(tools, tmp_path):
    """The last message of a quiet market was lost: only its number tells."""
    start = micros_of("2026-09-30T02:39:59.4104Z")
    trades = [Trade("BTCUSD", str(1000 + i), f"8330{i}.66", "0.00064", "BUY", start + i) for i in range(6)]
    product = {"BTCUSD": "BTC-USD"}

    async def play(conversation):
        await conversation.subscribed.wait()
        await conversation.send(coinbase_message(conversation.next_number(), [coinbase_event("update", newest_first(trades[:3]), product)]))
        conversation.next_number()
        beat = '{"current_time":"2026-09-30 02:37:15.057778606 +0000 UTC m=+21697.195984854","heartbeat_counter":21697}'
        await conversation.send(coinbase_message(conversation.next_number(), [beat], channel="heartbeats"))

    def history(path, query):
        return f"[{','.join(coinbase_row(trade) for trade in newest_first(trades))}]".encode()

    with LiveServer(coinbase, play, rest_of("coinbase", history=history)) as server:
        with Feed(tools, tmp_path, "coinbase", server, symbols=["BTC-USD"]) as feed:
            feed.until(lambda: any(origin == "rest" for origin, _ in feed.messages))
        assert server.paths[1].startswith("/products/BTC-USD/trades?limit=")
    assert feed.trades() == trades


# What exchanges are told


def test_binance_gets_lower_case_streams_and_few_messages_a_second(tools, tmp_path):
    names = [f"A{i}" for i in range(249)] + ["币安人生"]
    pairs = {f"{name}USDT": f"{name}/USDT" for name in names}
    with LiveServer(binance, None, rest_of("binance", pairs)) as server:
        with Feed(tools, tmp_path, "binance", server, symbols=list(pairs)) as feed:
            feed.until_said("250 symbols subscribed on 1 connection")
        told = server.conversations[0]
    assert all(request["method"] == "SUBSCRIBE" for request in told.requests)
    streams = [stream for request in told.requests for stream in request["params"]]
    assert sorted(streams) == sorted(f"{name.lower()}@trade" for name in pairs)
    assert len({request["id"] for request in told.requests}) == len(told.requests)
    assert len(told.said) >= 3 and busiest_second(told) <= 5


def busiest_second(conversation):
    """The most messages of the client that any second saw."""
    times = [when for when, _ in conversation.said]
    return max(sum(start <= when < start + 1 for when in times) for start in times)


def test_coinbase_gets_one_channel_a_message_and_heartbeats_at_once(tools, tmp_path):
    pairs = {f"A{i}-USD": f"A{i}/USD" for i in range(80)}
    with LiveServer(coinbase, None, rest_of("coinbase", pairs)) as server:
        with Feed(tools, tmp_path, "coinbase", server, symbols=list(pairs)) as feed:
            feed.until_said("80 symbols subscribed on 1 connection")
        told = server.conversations[0]
    heartbeats, *others = told.requests
    assert heartbeats == {"type": "subscribe", "channel": "heartbeats"}
    assert told.said[0][0] - told.opened < 5
    assert {request["channel"] for request in others} == {"market_trades"}
    assert sorted(name for request in others for name in request["product_ids"]) == sorted(pairs)
    assert busiest_second(told) <= 8


def test_kraken_asks_for_history_and_keeps_a_quiet_connection(tools, tmp_path):
    """Heartbeats stop: its own ping is sent, and the answer counts as life."""
    with LiveServer(kraken, None, rest_of("kraken")) as server:
        with Feed(tools, tmp_path, "kraken", server, "--silence", "600ms", symbols=["BTC/USD"]) as feed:
            feed.until(lambda: server.conversations and sum(r["method"] == "ping" for r in server.conversations[0].requests) >= 4)
        assert len(server.conversations) == 1, feed.stderr
        assert server.conversations[0].path == "/v2"
        subscribe = server.conversations[0].requests[0]
    assert subscribe["params"] == {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": True}


# Holes are filled from REST


def check_filled(feed, trades, first, last):
    """The hole was announced and then filled, and nothing is missing."""
    feed.until(lambda: ("filled", first, last) in feed.gaps, 15, "the filled gap")
    feed.stop()
    assert feed.gaps == [("open", first, last), ("filled", first, last)]
    assert feed.trades() == trades
    pages = [record for record in feed.records_of("raw") if record["origin"] == "rest"]
    assert pages and all(record["request"].startswith("/") for record in pages)


@needs_recordings
def test_binance_hole_is_filled_from_the_recorded_page(tools, tmp_path):
    stored = exact(recorded_page("binance_rest_historical_trades.json"))
    trades = [binance_row_trade(row, "BTCUSDT") for row in stored]
    # Each row as it was stored, over several lines.
    rows = {int(t.id): "{" + text.split("}")[0] + "}" for t, text in zip(trades, recorded_page("binance_rest_historical_trades.json").decode().split("{")[1:])}
    sent = [binance_message(trade) for trade in trades[:3] + trades[7:]]
    with LiveServer(binance, play_once(*sent), rest_of("binance", history=binance_history(rows))) as server:
        with Feed(tools, tmp_path, "binance", server, symbols=["BTCUSDT"]) as feed:
            check_filled(feed, trades, int(trades[3].id), int(trades[6].id))


@needs_recordings
def test_kraken_hole_is_filled_from_the_recorded_page(tools, tmp_path):
    """Six hundred trades are left out; several share an instant."""
    result = exact(recorded_page("kraken_rest_trades.json"))["result"]
    trades = [kraken_row_trade(row, "BTCUSDT") for row in result["XBTUSDT"]]
    rows = [
        (seconds_to_micros(row[2]), f'["{row[0]}","{row[1]}",{row[2]},"{row[3]}","{row[4]}","{row[5]}",{row[6]}]') for row in result["XBTUSDT"]
    ]
    sent = [kraken_message("BTC/USDT", trades[:50], "snapshot")]
    sent += [kraken_message("BTC/USDT", trades[i : i + 7]) for i in range(50, 99, 7)]
    sent += [kraken_message("BTC/USDT", trades[i : i + 7]) for i in range(699, 1000, 7)]
    with LiveServer(kraken, play_once(*sent), rest_of("kraken", history=kraken_history("XBTUSDT", rows))) as server:
        with Feed(tools, tmp_path, "kraken", server, symbols=["BTC/USDT"]) as feed:
            check_filled(feed, trades, int(trades[99].id), int(trades[698].id))


@needs_recordings
def test_coinbase_hole_is_filled_from_the_recorded_matches(tools, tmp_path):
    """Forty of the busiest product's trades, in the middle, are left out."""
    trades, product = coinbase_recorded_trades()
    trades = sorted((trade for trade in trades if trade.symbol == "SKLUSD"), key=order)
    assert len(trades) == 53

    async def play(conversation):
        await conversation.subscribed.wait()
        for part in (trades[:6], trades[46:]):
            for events in coinbase_batches(part, product, 4):
                await conversation.send(coinbase_message(conversation.next_number(), events))

    with LiveServer(coinbase, play, rest_of("coinbase", {"SKL-USD": "SKL/USD"}, coinbase_history(trades))) as server:
        with Feed(tools, tmp_path, "coinbase", server, symbols=["SKL-USD"]) as feed:
            check_filled(feed, trades, int(trades[6].id), int(trades[45].id))


def test_binance_hole_of_several_pages(tools, tmp_path):
    trades = numbered("BTCUSDT", 2600)
    history = binance_history({int(trade.id): binance_row(trade) for trade in trades})
    sent = [binance_message(trade) for trade in trades[:2] + trades[-2:]]
    with LiveServer(binance, play_once(*sent), rest_of("binance", history=history)) as server:
        with Feed(tools, tmp_path, "binance", server, symbols=["BTCUSDT"]) as feed:
            check_filled(feed, trades, 5002, 7597)
        assert sum("fromId" in path for path in server.paths) == 3


def test_coinbase_hole_of_several_pages(tools, tmp_path):
    trades = [trade._replace(size=short(trade.size)) for trade in numbered("BTCUSD", 2600)]

    async def play(conversation):
        await conversation.subscribed.wait()
        for part in (trades[:2], trades[-2:]):
            event = coinbase_event("update", newest_first(part), {"BTCUSD": "BTC-USD"})
            await conversation.send(coinbase_message(conversation.next_number(), [event]))

    with LiveServer(coinbase, play, rest_of("coinbase", history=coinbase_history(trades))) as server:
        with Feed(tools, tmp_path, "coinbase", server, symbols=["BTC-USD"]) as feed:
            check_filled(feed, trades, 5002, 7597)


def test_kraken_hole_is_filled_though_the_first_request_is_refused(tools, tmp_path):
    """Kraken says with status 200 that there were too many."""
    trades = numbered("BTCUSD", 60)
    answers = kraken_history("XBTUSD", [(trade.micros, kraken_row(trade)) for trade in trades])
    refusals = [b'{"error":["EAPI:Rate limit exceeded"]}']

    def history(path, query):
        return refusals.pop() if refusals else answers(path, query)

    sent = [kraken_message("BTC/USD", part) for part in (trades[:10], trades[50:])]
    with LiveServer(kraken, play_once(*sent), rest_of("kraken", history=history)) as server:
        with Feed(tools, tmp_path, "kraken", server, symbols=["BTC/USD"]) as feed:
            check_filled(feed, trades, 5010, 5049)
            assert "too many requests" in feed.stderr


def test_kraken_snapshot_heals_a_lost_connection(tools, tmp_path):
    """The history that comes with the new subscription reaches back far enough: REST is not asked."""
    trades = numbered("BTCUSD", 40)

    async def play(conversation):
        await conversation.subscribed.wait()
        if conversation.number == 0:
            await conversation.send(kraken_message("BTC/USD", trades[:10], "snapshot"), kraken_message("BTC/USD", trades[10:12]))
            await conversation.socket.close(1001)
        else:
            await conversation.send(kraken_message("BTC/USD", trades[:35], "snapshot"), kraken_message("BTC/USD", trades[35:]))

    with LiveServer(kraken, play, rest_of("kraken")) as server:
        with Feed(tools, tmp_path, "kraken", server, symbols=["BTC/USD"]) as feed:
            feed.until(lambda: ("stream", kraken_message("BTC/USD", trades[35:])) in feed.messages)
        assert server.paths == ["/0/public/AssetPairs"]
    assert feed.gaps == []
    assert feed.trades() == trades


def test_what_took_place_between_two_runs_is_fetched(tools, tmp_path):
    """The second run goes on from the state of the first, without a trade on its stream."""
    trades = numbered("BTCUSDT", 20)
    history = binance_history({int(trade.id): binance_row(trade) for trade in trades})
    with LiveServer(binance, play_once(*map(binance_message, trades[:5])), rest_of("binance", history=history)) as server:
        with Feed(tools, tmp_path, "binance", server, symbols=["BTCUSDT"]) as first:
            first.until_messages(6)
        with Feed(tools, tmp_path, "binance", server, symbols=["BTCUSDT"]) as second:
            second.until(lambda: any(origin == "rest" for origin, _ in second.messages))
    second.lines[:0] = first.lines
    assert second.trades() == trades
