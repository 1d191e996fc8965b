"""A proxy in front of the warm store that spoils chosen requests, as a network or a dying server does."""

import http.client
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Fault:
    """What happens to one request. `before` and `after` are called around its forwarding."""

    def __init__(self, *, before=None, after=None, reset=None, answer=None, half=False, renamed=None):
        """`reset` is "before" or "after" the server has the request; `answer` is (status, headers, body) in place of the server's;
        `renamed` is a code of the server and the one that is told instead."""
        self.before, self.after, self.reset, self.answer, self.half, self.renamed = before, after, reset, answer, half, renamed


class Request:
    def __init__(self, path, body):
        self.parameters = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self.text = self.parameters.get("query") or body.decode("utf-8", "replace")
        self.is_insert = self.text.startswith("INSERT")
        self.token = self.parameters.get("insert_deduplication_token")


def exception(code, text="a fault of the test", status=500):
    body = f"Code: {code}. DB::Exception: {text}. (SOME_NAME) (version 26.9.1.1 (official build))\n".encode()
    return status, {"X-ClickHouse-Exception-Code": str(code)}, body


class Proxy:
    """Forwards to `server.port`, whatever that is at the moment. `choose(request)` gives a fault or None."""

    def __init__(self, server, choose=None):
        self.server, self.choose = server, choose or (lambda request: None)
        self.requests = []
        self.port, self._listener = None, None

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def open(self):
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._listener = _Listener(("127.0.0.1", self.port or 0), Handler)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def close(self):
        """Connections are refused from here on, and those that are open end."""
        if self._listener:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener.cut_all()
            self._listener = None

    @property
    def inserts(self):
        return [request for request in list(self.requests) if request.is_insert]

    def fail_inserts(self, *faults):
        """Each of the next inserts gets one of the faults, in order."""
        waiting, lock = list(faults), threading.Lock()

        def choose(request):
            with lock:
                return waiting.pop(0) if request.is_insert and waiting else None

        self.choose = choose
        return waiting


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, *arguments):
        self.sockets = set()
        super().__init__(*arguments)

    def process_request(self, request, address):
        self.sockets.add(request)
        super().process_request(request, address)

    def cut_all(self):
        for connection in list(self.sockets):
            reset(connection)

    def shutdown_request(self, request):
        self.sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        """A connection that breaks is what this is for."""


def reset(connection):
    """The other side sees a reset, not an end."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()
    except OSError:
        pass


class _Cut(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner = None

    def log_message(self, *_):
        """Requests are kept by the proxy."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.path, body)
        self.owner.requests.append(request)
        try:
            self._serve(body, self.owner.choose(request) or Fault())
        except (_Cut, OSError, http.client.HTTPException):
            self._cut()

    def _serve(self, body, fault):
        if fault.before:
            fault.before()
        if fault.reset == "before":
            raise _Cut
        status, headers, answer = fault.answer or self._forward(body)
        if fault.renamed and headers.get("X-ClickHouse-Exception-Code") == str(fault.renamed[0]):
            status, headers, answer = exception(fault.renamed[1])
        if fault.after:
            fault.after()
        if fault.reset == "after":
            raise _Cut
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {len(answer)}"]
        whole = "\r\n".join([*lines, "", ""]).encode() + answer
        self.wfile.write(whole[: len(whole) // 2] if fault.half else whole)
        self.wfile.flush()
        if fault.half:
            raise _Cut

    def _forward(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.owner.server.port, timeout=60)
        try:
            names = ("X-ClickHouse-User", "X-ClickHouse-Key", "Content-Encoding", "Content-Type")
            connection.request("POST", self.path, body, {name: self.headers[name] for name in names if self.headers[name]})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        kept = {
            name: value for name, value in response.headers.items() if name.lower() not in ("content-length", "transfer-encoding", "connection", "keep-alive")
        }
        return response.status, kept, answer

    def _cut(self):
        self.close_connection = True
        reset(self.connection)
