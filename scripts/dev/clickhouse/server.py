"""The HTTP server: connections, routes, and what every request has in common."""

import contextlib
import json
import socket
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from . import auth
from .body import Body
from .counts import Counts
from .errors import LENGTH_REQUIRED, SAME_QUERY_ID, STD_EXCEPTION, TOO_MANY_QUERIES, ConnectionCut, ServerError
from .faults import Faults
from .parameters import Parameters
from .query import Query
from .reply import Reply
from .sessions import Sessions

RECEIVE_TIMEOUT = 300


class Server(ThreadingHTTPServer):
    """What all connections share."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, engine, options):
        self.engine, self.options = engine, options
        self.sessions, self.faults, self.counts = Sessions(engine), Faults(), Counts()
        self._running, self._running_lock = set(), threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread: a slow client must not hold up the others.
        if self.options.tls:
            request = self.options.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        """A connection that breaks concerns nobody else."""

    @contextlib.contextmanager
    def running(self, query_id):
        """A place among the queries that run."""
        with self._running_lock:
            if len(self._running) >= self.options.max_concurrent:
                raise ServerError(
                    TOO_MANY_QUERIES,
                    f"Too many simultaneous queries. Maximum: {self.options.max_concurrent}",
                )
            if query_id in self._running:
                raise ServerError(SAME_QUERY_ID, f"Query with id = {query_id} is already running.")
            self._running.add(query_id)
        try:
            yield
        finally:
            with self._running_lock:
                self._running.discard(query_id)


class Handler(BaseHTTPRequestHandler):
    """One connection, and one request of it at a time."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    method = property(lambda self: self.command)

    def log_message(self, *_):
        """Requests are not logged."""

    def handle_one_request(self):
        self.connection.settimeout(self.server.options.keep_alive)
        super().handle_one_request()

    def parse_request(self):
        self.connection.settimeout(RECEIVE_TIMEOUT)
        return super().parse_request()

    def do_GET(self):
        self.body, self.query_id, self.user = Body(self.rfile, self.headers), None, None
        self.reply = Reply(
            self.wfile,
            style=self.server.options.exception_style,
            version=(1, 1) if self.request_version == "HTTP/1.1" else (1, 0),
            body_wanted=self.command != "HEAD",
            keep_alive=0 if self.close_connection else self.server.options.keep_alive,
        )
        self.reply.headers["X-ClickHouse-Server-Display-Name"] = self.server.options.display_name
        try:
            self._answer()
        except ServerError as error:
            self._fail(error)
        except (ConnectionCut, OSError):
            self.close_connection = True
        except Exception as error:
            self._fail(ServerError(STD_EXCEPTION, f"{type(error).__name__}: {error}"))
        self.server.counts.add(bytes_received=self.body.bytes_read, bytes_sent=self.reply.bytes_sent)
        self.close_connection = self.close_connection or not self.reply.keep_alive or not self.reply.ended

    do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_GET

    def do_OPTIONS(self):
        self.send_response_only(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self):
        url = urlsplit(self.path)
        if url.path in ("/ping", "/replicas_status"):
            self._say("Ok.\n", "text/html; charset=UTF-8" if url.path == "/ping" else None)
        elif url.path.startswith("/_test/") and self.server.options.test_hooks:
            self._test_hook(url.path)
        elif url.path not in ("/", "/query"):
            self._say(f"There is no handle {self.path}\n\nUse / or /ping for health checks.\n", status=404)
        elif self.command in ("GET", "HEAD") and not url.query:
            self._say("Ok.\n", "text/html; charset=UTF-8")
        else:
            self._query(url.query)

    def _query(self, query_string):
        self.server.counts.add(requests=1)
        if self.command == "POST" and not self.body.has_length:
            raise ServerError(
                LENGTH_REQUIRED,
                "The Transfer-Encoding is not chunked and there is no Content-Length header for POST request",
            )
        self.parameters = Parameters(query_string, self.headers)
        self.user, password = auth.credentials(self.headers, self.parameters)
        auth.check(self.user, password, self.server.options.users, self.headers)
        given = self.parameters.get("query_id") or self.headers.get("X-ClickHouse-Query-Id") or str(uuid.uuid4())
        self.query_id = "".join(letter for letter in given if letter.isprintable())
        with (
            self.server.running(self.query_id),
            self.server.sessions.connection(self.user, self.parameters) as connection,
        ):
            query = Query(self.server, connection, self, self.reply)
            query.run()
        query.finish()
        # The rest of a body that nobody asked for would look like the next request.
        self._drain()

    def _fail(self, error):
        self.server.counts.add(errors=1)
        errors = self.server.engine.errors
        try:
            if not self.reply.started:
                self._drain()
            if self.query_id:
                self.reply.headers["X-ClickHouse-Query-Id"] = self.query_id
            self.reply.fail(error.code, errors.status(error), errors.text(error))
        except OSError:
            self.close_connection = True

    def _drain(self):
        if not self.body.drain():
            self.reply.keep_alive = 0
            self.close_connection = True

    def _say(self, text, content_type=None, status=200):
        self._drain()
        self.reply.status, self.reply.content_type = status, content_type or self.reply.content_type
        self.reply.write(text.encode())
        self.reply.finish()

    def _test_hook(self, path):
        given = b"".join(self.body)
        answer = {}
        if path == "/_test/fault":
            self.server.faults.add(json.loads(given))
        elif path == "/_test/reset":
            self.server.faults.clear()
            self.server.counts.reset()
        else:
            answer = self.server.counts.as_dict()
        self._say(json.dumps(answer) + "\n", "application/json")
