"""`k2-feed live` and the network: pings, fragments, refusals, lost connections, TLS and proxies."""

import asyncio
import base64
import contextlib
import email.utils
import hashlib
import ssl
import subprocess
import time

import pytest

from live_exchange import binance_history, numbered, rest_of
from live_feed import Feed
from live_server import ConnectProxy, Gate, LiveServer, binance, play_once, response
from live_traffic import BINANCE, Trade, binance_message, binance_row, trades_of

TRADE = BINANCE[2]
BTC = ["BTCUSDT"]


def has_trade(feed):
    return ("stream", TRADE) in feed.messages


def capture(tools, folder, server, name="feed", **options):
    """A capture of BTCUSDT with a state of its own."""
    own = folder / name
    own.mkdir()
    return Feed(tools, own, "binance", server, *options.pop("arguments", ()), symbols=BTC, **options)


# Frames


def test_pings_are_answered_with_their_payload(tools, tmp_path):
    """The server also pings by itself every 100 ms and would close the connection when one stays unanswered."""
    waits = []

    async def play(conversation):
        await conversation.subscribed.wait()
        for payload in (b"1789295137364", b"\x00\xff" * 62, b""):
            began = time.monotonic()
            # Resolved by a pong with exactly these bytes.
            await asyncio.wait_for(await conversation.socket.ping(payload), 5)
            waits.append(time.monotonic() - began)
        await asyncio.sleep(0.5)
        await conversation.send(TRADE)

    with LiveServer(binance, play, rest_of("binance"), ping_interval=0.1, ping_timeout=5) as server:
        with capture(tools, tmp_path, server) as feed:
            feed.until(lambda: has_trade(feed))
        assert len(waits) == 3 and min(waits) < 1, waits
        assert len(server.conversations) == 1


def test_fragments_are_joined_and_nothing_is_compressed(tools, tmp_path):
    """Cut between any two bytes, in the middle of characters too, with pings between the fragments."""
    message = binance_message(Trade("币安人生USDT", "7", "0.0012000", "3.0", "BUY", 1789295137364000))

    async def fragments(conversation, size):
        for start in range(0, len(message), size):
            yield message[start : start + size]
            await conversation.socket.ping()

    async def play(conversation):
        await conversation.subscribed.wait()
        await conversation.socket.send(fragments(conversation, 1), text=True)
        await conversation.socket.send(fragments(conversation, 50), text=True)
        await conversation.socket.send([TRADE[:20], b"", TRADE[20:]], text=True)

    pairs = {"BTCUSDT": "BTC/USDT", "币安人生USDT": "币安人生/USDT"}
    # The server compresses with whoever offers it.
    with LiveServer(binance, play, rest_of("binance", pairs), compression="deflate") as server:
        with Feed(tools, tmp_path, "binance", server, symbols=list(pairs)) as feed:
            feed.until(lambda: has_trade(feed))
        conversation = server.conversations[0]
        assert "Sec-WebSocket-Extensions" not in conversation.headers
        assert "Sec-WebSocket-Extensions" not in conversation.answer_headers
    assert feed.messages[1:] == [("stream", message), ("stream", TRADE)]
    assert feed.trades() == trades_of("binance", [message, TRADE])


# Lost connections


CLOSES = [(1001, "going away"), (1012, "service\nrestart"), (4000, "")]


def test_after_each_close_it_waits_longer(tools, tmp_path):
    """Trades of the times between are fetched; what is said of the close is one line."""
    trades = numbered("BTCUSDT", 40)

    async def play(conversation):
        await conversation.subscribed.wait()
        await conversation.send(binance_message(trades[conversation.number * 10]))
        if conversation.number < len(CLOSES):
            await conversation.socket.close(*CLOSES[conversation.number])

    history = binance_history({int(trade.id): binance_row(trade) for trade in trades})
    with LiveServer(binance, play, rest_of("binance", history=history)) as server:
        with capture(tools, tmp_path, server) as feed:
            feed.until(lambda: len(server.conversations) == 4, 15)
            feed.until(lambda: sum(state == "filled" for state, _, _ in feed.gaps) == 3, 15)
        waits = [later - past.ended for past, later in zip(server.conversations, server.tries[1:])]
    assert all(wait > least - 0.05 for wait, least in zip(waits, (0.25, 0.5, 1.0))), waits
    said = [line for line in feed.stderr.splitlines() if "connection lost" in line]
    assert len(said) == 3
    assert "code 1001: going away" in said[0] and "code 1012: service restart" in said[1] and "code 4000" in said[2]
    assert feed.trades() == trades[:31]


def test_a_server_that_restarts_is_found_again(tools, tmp_path):
    """Nobody listens for a while; then another server does, on the same port."""
    later = TRADE.replace(b'"t":388511', b'"t":388512')
    with contextlib.ExitStack() as stack:
        with LiveServer(binance, play_once(TRADE), rest_of("binance")) as first:
            feed = stack.enter_context(capture(tools, tmp_path, first))
            feed.until(lambda: has_trade(feed))
        feed.until_said("cannot connect", f"127.0.0.1:{first.port}")
        with LiveServer(binance, play_once(later), rest_of("binance"), port=first.port):
            feed.until(lambda: ("stream", later) in feed.messages)
            feed.stop()
    assert feed.trades() == trades_of("binance", [TRADE, later])


def test_silence_is_noticed_and_a_quiet_life_is_not(tools, tmp_path):
    """One server answers the pings of the capture; the other one reads no more after the subscription."""

    async def fall_silent(conversation):
        await conversation.subscribed.wait()
        if conversation.number == 0:
            conversation.socket.transport.pause_reading()
        else:
            await conversation.send(TRADE)

    silence = ("--silence", "500ms")
    with LiveServer(binance, None, rest_of("binance")) as quiet, LiveServer(binance, fall_silent, rest_of("binance")) as dead:
        with capture(tools, tmp_path, quiet, "quiet", arguments=silence) as alive, capture(tools, tmp_path, dead, "dead", arguments=silence) as feed:
            feed.until_said("connection lost", "silent for")
            feed.until(lambda: has_trade(feed))
            alive.until(lambda: time.monotonic() - quiet.conversations[0].opened > 1.6)
        assert len(quiet.conversations) == 1, alive.stderr
        assert len(dead.conversations) == 2


def test_a_shutdown_that_is_announced_makes_no_hole(tools, tmp_path):
    """The new connection is subscribed before the old one is closed; both bring the same trades."""
    trades = numbered("BTCUSDT", 12)

    async def play(conversation):
        await conversation.subscribed.wait()
        await conversation.send(*map(binance_message, trades[:4]))
        if conversation.number == 0:
            await conversation.send(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}')
        for trade in trades[4:]:
            await asyncio.sleep(0.25)
            await conversation.send(binance_message(trade))

    with LiveServer(binance, play, rest_of("binance")) as server:
        with capture(tools, tmp_path, server) as feed:
            feed.until(lambda: server.conversations and server.conversations[0].ended)
            feed.until(lambda: len(trades_of("binance", [m for _, m in feed.messages])) == len(trades))
        old, new = server.conversations
        assert old.socket.close_code == 1000
        assert new.said[0][0] < old.ended
    kept = [message for _, message in feed.messages if b'"e":"trade"' in message]
    assert sorted(kept) == sorted(map(binance_message, trades))
    assert feed.gaps == []


# Refusals at the upgrade


def accept(head):
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
REFUSALS = {
    "redirect": (lambda head: b"HTTP/1.1 301 Moved Permanently\r\nLocation: ws://127.0.0.1:9/\r\n\r\n", "status 301"),
    "page": (lambda head: b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>", "status 200"),
    "unavailable": (lambda head: b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\n\r\n", "status 503"),
    "other protocol": (lambda head: b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
    "bytes": (lambda head: bytes(range(256)) * 40, "not HTTP"),
    "nothing": (lambda head: b"", "connection ended before it was open"),
    "half a head": (lambda head: b"HTTP/1.1 101 Switching Protocols\r\nUpgr", "connection ended before it was open"),
    "wrong key": (lambda head: UPGRADED + base64.b64encode(bytes(20)) + b"\r\n\r\n", "does not fit the key"),
    "compression": (
        lambda head: UPGRADED + accept(head) + b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        "sec-websocket-extensions",
    ),
}


def test_refusals_and_garbage_at_the_upgrade(tools, tmp_path):
    """Each is said in a line, and the next try gets through."""
    with contextlib.ExitStack() as stack:
        # Unlike play_once, every conversation has the trade.
        server = stack.enter_context(LiveServer(binance, send_trade, rest_of("binance")))
        running = []
        for name, (answer, words) in REFUSALS.items():
            gate = stack.enter_context(Gate(server, answer))
            feed = capture(tools, tmp_path, server, name, endpoint=f"ws://127.0.0.1:{gate.port}")
            running.append((stack.enter_context(feed), gate, words))
        for feed, gate, words in running:
            line = feed.until_said("cannot connect", "next try in")
            assert words in line, line
            feed.until(lambda: has_trade(feed))
            assert len(gate.tries) == 2
            assert gate.tries[1] - gate.tries[0] > 0.2


async def send_trade(conversation):
    await conversation.subscribed.wait()
    await conversation.send(TRADE)


def refuse_first(retry_after):
    def upgrade(number):
        return response(429, b"slow down", {"Retry-After": retry_after}) if number == 1 else None

    return upgrade


def test_retry_after_is_honoured(tools, tmp_path):
    """In seconds, as a date, and as a number that nobody can wait for: then it goes on waiting and does not fall."""
    until = int(time.time()) + 3
    waits = {"seconds": "2", "date": email.utils.formatdate(until, usegmt=True), "absurd": "9223372036854775807"}
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(LiveServer(binance, send_trade, rest_of("binance"), upgrade=refuse_first(value)))
            for name, value in waits.items()
        }
        feeds = {name: stack.enter_context(capture(tools, tmp_path, server, name)) for name, server in servers.items()}
        for name in ("seconds", "date"):
            feeds[name].until(lambda: has_trade(feeds[name]))
            feeds[name].until_said("status 429", "next try in")
        assert time.time() >= until
        tries = servers["seconds"].tries
        assert len(tries) == 2 and tries[1] - tries[0] >= 2
        feeds["absurd"].until_said("status 429", "next try in")
        assert len(servers["absurd"].tries) == 1
        assert feeds["absurd"].process.poll() is None, feeds["absurd"].stderr


def test_retry_after_is_honoured_for_history(tools, tmp_path):
    trades = numbered("BTCUSDT", 9)
    answer = rest_of("binance", history=binance_history({int(trade.id): binance_row(trade) for trade in trades}))
    asked = []

    def rest(path):
        if "fromId" in path:
            asked.append(time.monotonic())
        return (429, b"{}", {"Retry-After": "2"}) if len(asked) == 1 and "fromId" in path else answer(path)

    with LiveServer(binance, play_once(*map(binance_message, trades[:2] + trades[-2:])), rest) as server:
        with capture(tools, tmp_path, server) as feed:
            feed.until(lambda: [state for state, _, _ in feed.gaps] == ["open", "filled"])
    assert len(asked) == 2 and asked[1] - asked[0] >= 2
    assert feed.trades() == trades


# TLS and proxies


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for the name localhost alone, and the server's side of TLS with it."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return {"SSL_CERT_FILE": str(folder / "cert.pem")}, context


@pytest.fixture
def secure_server(certificate):
    with LiveServer(binance, send_trade, rest_of("binance"), tls=certificate[1]) as server:
        yield server


def secure(tools, folder, server, name, environment, host="localhost", rest=None):
    return capture(
        tools, folder, server, name, environment=environment, endpoint=server.url("ws", host), rest=rest or server.url("http", host)
    )


def test_tls_trusts_what_the_environment_names(tools, tmp_path, certificate, secure_server):
    """REST and WebSocket alike; unknown authorities and other names are refused in a line of their own."""
    trust = certificate[0]
    with LiveServer(binance, None, rest_of("binance")) as plain, contextlib.ExitStack() as stack:
        rest = plain.url("http")
        no_list = stack.enter_context(secure(tools, tmp_path, secure_server, "no list", {}))
        unknown = stack.enter_context(secure(tools, tmp_path, secure_server, "unknown", {}, rest=rest))
        other_name = stack.enter_context(secure(tools, tmp_path, secure_server, "name", trust, "127.0.0.1", rest))
        missing = stack.enter_context(secure(tools, tmp_path, secure_server, "missing", {"SSL_CERT_FILE": "/none.pem"}, rest=rest))
        trusted = stack.enter_context(secure(tools, tmp_path, secure_server, "trusted", trust))
        trusted.until(lambda: has_trade(trusted))
        assert secure_server.paths == ["/api/v3/exchangeInfo"]
        unknown.until_said("cannot connect: TLS: localhost: the certificate is not trusted")
        other_name.until_said("cannot connect: TLS: the certificate is not for 127.0.0.1")
        missing.until_said("cannot connect: TLS: /none.pem")
        no_list.until_said("instrument list", "SSL certificate problem", "names are checked against the instruments known here")
    assert not has_trade(unknown) and not has_trade(other_name) and not has_trade(missing)


PASSWORD = "p:ss w@rd"
BASIC = "Basic " + base64.b64encode(f"us@r:{PASSWORD}".encode()).decode()


def test_everything_goes_through_the_proxy(tools, tmp_path, certificate, secure_server):
    """Either spelling of the variable; the lower-case one wins; NO_PROXY leads past it; a password is never shown."""
    with ConnectProxy(BASIC) as proxy, contextlib.ExitStack() as stack:
        good = f"http://us%40r:p%3Ass%20w%40rd@127.0.0.1:{proxy.port}"
        nobody = "http://127.0.0.1:9"
        cases = {
            "upper": {"HTTPS_PROXY": good},
            "lower": {"https_proxy": good, "HTTPS_PROXY": nobody},
            "past": {"HTTPS_PROXY": nobody, "NO_PROXY": "example.com,localhost"},
        }
        for number, (name, environment) in enumerate(cases.items()):
            feed = stack.enter_context(secure(tools, tmp_path, secure_server, name, certificate[0] | environment))
            feed.until(lambda: has_trade(feed))
            assert len(secure_server.tries) == number + 1
        # The list, then the stream.
        tunnel = ("CONNECT", f"localhost:{secure_server.port}", BASIC)
        assert proxy.asked == [tunnel] * 4


def test_a_proxy_that_refuses_is_named_without_the_password(tools, tmp_path, certificate, secure_server):
    with ConnectProxy(BASIC) as proxy, LiveServer(binance, None, rest_of("binance")) as plain:
        environment = certificate[0] | {"https_proxy": f"http://user:guess@127.0.0.1:{proxy.port}"}
        with secure(tools, tmp_path, secure_server, "refused", environment, rest=plain.url("http")) as feed:
            feed.until_said("cannot connect", "proxy", "407")
        assert "guess" not in feed.stderr
    assert secure_server.tries == []
