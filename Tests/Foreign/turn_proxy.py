"""A proxy in front of any server that speaks in turns (PostgreSQL, HTTP/1.1): counts the client's turns, and spoils a chosen one.

A turn begins when the client sends something on a new connection, or after the server has sent. Connections are counted together.
"""

import contextlib
import selectors
import socket
import struct
import threading

# What happens to the chosen turn.
FAULTS = {
    "cut": "the connection ends before the server has the request",
    "lost": "the server has the request and answers; the connection ends before a byte of the answer is passed on",
    "half": "as lost, but half of what came of the answer is passed on",
    "away": "the connection ends before the server has the request, all others with it, and the next few are refused",
    "gone": "as away, and no connection is accepted any more",
    "killed": "the client is killed before the server has the request",
    "orphaned": "the client is killed, and then the server gets the request",
    "widowed": "the client is killed when the answer comes",
    "busy": "HTTP 503 in place of the server's answer; it does not get the request",
    "confused": "HTTP 500 in place of the server's answer",
}
NEEDS_HTTP = {"busy", "confused"}
REFUSALS = 3
PIECE = 1 << 16


class TurnProxy:
    """Forwards to `target`, a pair of host and port. `arm` before each run."""

    def __init__(self, target):
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._sleep = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._links = {}
        self._ended = False
        self._disarm()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _disarm(self):
        self.turns, self.hit = 0, False
        self._fault, self._turn, self._kill, self._refusals = None, 0, None, 0

    def arm(self, fault=None, turn=0, kill=None):
        """The `turn`-th turn from now on gets the fault. `kill` ends the client."""
        with self._lock:
            for link in set(self._links.values()):
                self._close(link)
            self._disarm()
            self._fault, self._turn, self._kill = fault, turn, kill

    def close(self):
        self._ended = True
        self._sleep.send(b"x")
        self._thread.join(10)
        for link in set(self._links.values()):
            self._close(link)
        for part in (self._listener, self._wake, self._sleep, self._selector):
            part.close()

    def _run(self):
        while not self._ended:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake:
                    continue
                with self._lock:
                    self._serve(key.fileobj)

    def _serve(self, ready):
        if ready is self._listener:
            return self._accept()
        link = self._links.get(ready)
        if link is None:
            return None
        try:
            data = ready.recv(PIECE)
            if data:
                return self._from_client(link, data) if ready is link.client else self._from_server(link, data)
        except OSError:
            pass
        self._close(link)

    def _accept(self):
        client, _ = self._listener.accept()
        if self._refusals > 0:
            self._refusals -= 1
            return reset(client)
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            return reset(client)
        link = Link(client, server)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links[end] = link
            self._selector.register(end, selectors.EVENT_READ)

    def _close(self, link):
        for end in (link.client, link.server):
            if self._links.pop(end, None):
                self._selector.unregister(end)
                reset(end)

    # Turns -----------------------------------------------------------------------------------------------

    def _from_client(self, link, data):
        if not link.is_clients_turn:
            link.is_clients_turn, link.fault = True, None
            self.turns += 1
            if self.turns == self._turn:
                self.hit, link.fault = True, self._fault
                if self._spoil_request(link):
                    return
        if link.fault == "answered":
            return None
        if link.fault == "busy":
            return self._answer(link, data, b"503 Service Unavailable")
        link.server.sendall(data)

    def _spoil_request(self, link):
        """Whether the request goes no further."""
        match self._fault:
            case "cut":
                self._close(link)
            case "away" | "gone":
                self._refusals = REFUSALS if self._fault == "away" else 1 << 30
                for other in set(self._links.values()):
                    self._close(other)
            case "killed":
                self._kill()
                self._close(link)
            case "orphaned":
                self._kill()
                return False
            case _:
                return False
        return True

    def _from_server(self, link, data):
        link.is_clients_turn = False
        match link.fault:
            case "lost":
                return self._close(link)
            case "half":
                link.client.sendall(data[: len(data) // 2])
                return self._close(link)
            case "widowed":
                self._kill()
                return self._close(link)
            case "confused":
                return self._answer(link, b"", b"500 Internal Server Error")
        link.client.sendall(data)

    def _answer(self, link, data, status):
        """Once the request is whole; a body's length is in its headers or it is small enough to have come at once."""
        link.request += data
        head, found, body = link.request.partition(b"\r\n\r\n")
        if data and (not found or len(body) < content_length(head)):
            return
        with contextlib.suppress(OSError):
            link.client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            link.client.shutdown(socket.SHUT_WR)
        link.fault = "answered"
        self._selector.unregister(link.server)
        self._links.pop(link.server)
        reset(link.server)


class Link:
    """A client's connection and the one that was made for it."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.is_clients_turn, self.fault, self.request = False, None, b""


def content_length(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def reset(connection):
    """The other side sees a reset, not an end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
