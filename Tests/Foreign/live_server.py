"""A server that stands for an exchange: REST and WebSocket on one port, with the `websockets` package.

It runs on a thread of its own and remembers everything that it was told.
"""

import asyncio
import contextlib
import http
import json
import threading
import time

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response


class LoopThread:
    """An event loop on a thread; leaving it cancels what still runs."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def call(self, coroutine, seconds=10):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.call(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _cancel_all(self):
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Conversation:
    """One WebSocket connection: what the client said, and when (monotonic seconds)."""

    def __init__(self, number, socket):
        self.number = number
        self.socket = socket
        self.path = socket.request.path
        self.headers = socket.request.headers
        self.answer_headers = socket.response.headers
        self.opened = time.monotonic()
        self.ended = None
        self.said = []
        self.sent = []
        self.symbols = set()
        self.subscribed = asyncio.Event()
        self._numbers = 0

    async def send(self, *messages):
        """Sends texts byte for byte."""
        for message in messages:
            self.sent.append(message)
            await self.socket.send(message, text=True)

    def next_number(self):
        """The next `sequence_num`, from 0 on."""
        self._numbers += 1
        return self._numbers - 1

    @property
    def requests(self):
        return [json.loads(text) for _, text in self.said]


class LiveServer:
    """Answers REST requests with `rest(path)`, subscriptions as `dialect` does, and then runs `play(conversation)`.

    - dialect: (request, conversation) → messages that answer it.
    - rest: path with query → (status, body), or (status, body, headers).
    - upgrade: (number of the try, from 1) → an answer in place of the upgrade, or None.
    """

    def __init__(self, dialect, play=None, rest=None, *, upgrade=None, tls=None, port=0, **options):
        self._dialect, self._play, self._rest, self._upgrade = dialect, play, rest, upgrade
        self._tls, self._options = tls, {"ping_interval": None, "open_timeout": 5, "close_timeout": 1} | options
        self.port = port
        self.asked = []
        self.tries = []
        self.conversations = []
        self.problems = []

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self._thread = self._stack.enter_context(LoopThread())
        self._server = self._thread.call(self._start())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind, *_):
        self._thread.call(self._stop())
        self._stack.close()
        if kind is None:
            assert not self.problems, self.problems
        elif self.problems:
            print("server:", *self.problems, sep="\n  ")

    async def _start(self):
        return await serve(
            self._converse, "127.0.0.1", self.port, process_request=self._head, ssl=self._tls, reuse_address=True, **self._options
        )

    async def _stop(self):
        self._server.close(close_connections=True)
        await self._server.wait_closed()

    def run(self, coroutine):
        """Runs something on the server's loop and waits for it."""
        return self._thread.call(coroutine)

    def url(self, scheme, host="127.0.0.1"):
        """`scheme`: ws or http; with TLS they become wss and https."""
        return f"{scheme}{'s' if self._tls else ''}://{host}:{self.port}"

    @property
    def paths(self):
        return [path for _, path in self.asked]

    def _head(self, socket, request):
        """Every request passes here before the upgrade."""
        if "Upgrade" in request.headers:
            self.tries.append(time.monotonic())
            return self._upgrade(len(self.tries)) if self._upgrade else None
        self.asked.append((time.monotonic(), request.path))
        try:
            status, body, *headers = self._rest(request.path) if self._rest else (404, b"{}")
        except Exception as problem:  # noqa: BLE001: shown by the test
            self.problems.append(f"{request.path}: {problem!r}")
            status, body, headers = 500, b"{}", []
        return response(status, body, {"Content-Type": "application/json"} | dict(*headers))

    async def _converse(self, socket):
        conversation = Conversation(len(self.conversations), socket)
        self.conversations.append(conversation)
        play = asyncio.create_task(self._run_play(conversation))
        try:
            async for text in socket:
                conversation.said.append((time.monotonic(), text))
                await self._answer(conversation, json.loads(text))
        except ConnectionClosed:
            pass
        except Exception as problem:  # noqa: BLE001: shown by the test
            self.problems.append(repr(problem))
        finally:
            conversation.ended = time.monotonic()
            play.cancel()

    async def _answer(self, conversation, request):
        for message in self._dialect(request, conversation):
            await conversation.send(message)
        if conversation.symbols:
            conversation.subscribed.set()

    async def _run_play(self, conversation):
        if self._play is None:
            return
        try:
            await self._play(conversation)
        except (ConnectionClosed, asyncio.CancelledError):
            pass
        except Exception as problem:  # noqa: BLE001: shown by the test
            self.problems.append(repr(problem))


def response(status, body=b"", headers=None):
    """An HTTP answer that ends the connection."""
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | (headers or {})
    return Response(status, http.HTTPStatus(status).phrase, Headers(fields), body)


def play_once(*messages):
    """Sends the messages to the first connection, when it is subscribed."""

    async def play(conversation):
        await conversation.subscribed.wait()
        if conversation.number == 0:
            await conversation.send(*messages)

    return play


# How the exchanges answer; the texts are those of recorded answers.


def binance(request, conversation):
    if request["method"] == "SUBSCRIBE":
        conversation.symbols |= {stream.split("@")[0].upper() for stream in request["params"]}
    yield b'{"result":null,"id":%d}' % request["id"]


KRAKEN_TIMES = '"time_in":"2026-09-25T17:48:24.745996Z","time_out":"2026-09-25T17:48:24.746032Z","req_id":{}'


def kraken(request, conversation, unsupported=()):
    """One answer for each symbol."""
    times = KRAKEN_TIMES.format(request["req_id"])
    if request["method"] == "ping":
        yield f'{{"method":"pong",{times}}}'.encode()
        return
    for symbol in request["params"]["symbol"]:
        if symbol in unsupported:
            error = f"Currency pair not supported {symbol}"
            yield f'{{"error":"{error}","method":"subscribe","success":false,"symbol":"{symbol}",{times}}}'.encode()
            continue
        conversation.symbols.add(symbol)
        result = f'{{"channel":"trade","snapshot":true,"symbol":"{symbol}"}}'
        yield f'{{"method":"subscribe","result":{result},"success":true,{times}}}'.encode()


def coinbase(request, conversation):
    """Every answer lists all subscriptions of the connection."""
    if request["channel"] == "market_trades":
        conversation.symbols |= set(request["product_ids"])
    else:
        conversation.hears_heartbeats = True
    channels = {"market_trades": sorted(conversation.symbols)} if conversation.symbols else {}
    if getattr(conversation, "hears_heartbeats", False):
        channels["heartbeats"] = ["heartbeats"]
    number = conversation.next_number()
    yield (
        '{"channel":"subscriptions","timestamp":"2026-06-14T05:35:45.540672514Z",'
        f'"sequence_num":{number},"events":[{{"subscriptions":{json.dumps(channels)}}}]}}'
    ).encode()


DIALECTS = {"binance": binance, "kraken": kraken, "coinbase": coinbase}


# Between the client and the server


class Relay:
    """Listens on a port of its own and hands connections on, after `_begin` has said where to."""

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        thread = self._stack.enter_context(LoopThread())
        self._listener = thread.call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._listener.sockets[0].getsockname()[1]
        self._stack.callback(lambda: thread.call(self._close()))
        return self

    def __exit__(self, *_):
        self._stack.close()

    async def _close(self):
        self._listener.close()

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if target := await self._begin(head, writer):
                onward = await asyncio.open_connection(*target[0])
                onward[1].write(target[1])
                await asyncio.gather(copy(reader, onward[1]), copy(onward[0], writer))
        writer.close()


async def copy(reader, writer):
    """One direction of a connection, to its end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof() if writer.can_write_eof() else writer.close()


class Gate(Relay):
    """Answers the first connection itself, with what `answer` makes of the request; later ones reach the server."""

    def __init__(self, server, answer):
        self._server, self._answer, self.tries = server, answer, []

    async def _begin(self, head, writer):
        self.tries.append(time.monotonic())
        if len(self.tries) > 1:
            return ("127.0.0.1", self._server.port), head
        writer.write(self._answer(head))
        await writer.drain()
        return None


class ConnectProxy(Relay):
    """An HTTP proxy that opens tunnels; `authorization` is what it demands in `Proxy-Authorization`."""

    def __init__(self, authorization=None):
        self._authorization, self.asked = authorization, []

    async def _begin(self, head, writer):
        line, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields if field)}
        method, target, _ = line.split(" ")
        self.asked.append((method, target, headers.get("proxy-authorization")))
        if self._authorization not in (None, headers.get("proxy-authorization")):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return None
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        host, port = target.rsplit(":", 1)
        return (host, int(port)), b""
