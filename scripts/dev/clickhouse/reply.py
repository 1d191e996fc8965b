"""An answer on its way out: held back while it is small, then sent in chunks, and how it breaks when a query fails.

Until something was sent, an error replaces the whole answer. After that the status is out, and the error goes
into the body behind the data. Servers since 25.11 frame it with the tag of the `X-ClickHouse-Exception-Tag` header;
those before put a marker in front of it; those before 24.11 or so just append it and end the answer as if all was well.
"""

import email.utils
import http
import random
import string
import tempfile

from . import blocks
from .codecs import Encoder
from .errors import ConnectionCut

HELD = 1 << 20
STYLES = ("tag", "marker", "plain")
MARKER = b"__exception__"
LONGEST_EXCEPTION = 16 * 1024
_FRAME = 2 * (2 + len(MARKER) + 2 + 16) + 2 + 8 + 1
_EXPOSED = ("Query-Id", "Summary", "Server-Display-Name", "Format", "Timezone", "Exception-Code", "Exception-Tag")


class Reply:
    def __init__(self, out, *, style="tag", version=(1, 1), body_wanted=True, keep_alive=0):
        self._out, self._style, self._body_wanted = out, style, body_wanted
        self._chunked = version >= (1, 1)
        self.keep_alive = keep_alive if self._chunked else 0
        self.status, self.content_type = 200, "text/plain; charset=UTF-8"
        self.headers = {}
        self.summary = None
        self.wait, self.native, self.coding, self.level = False, False, None, 3
        self.half, self.cut_at = False, None
        self.started = self.ended = False
        self.bytes_sent = 0
        self._tag = "".join(random.choices(string.ascii_lowercase, k=16))
        self._held = tempfile.SpooledTemporaryFile(max_size=8 * HELD)
        self._encoder = None

    def write(self, data):
        """Adds to the result; sends it once there is enough of it."""
        if self.started:
            self._send(self._encoded(data))
            return
        self._held.write(data)
        if self._held.tell() > HELD and not (self.wait or self.half or self.cut_at is not None):
            self._start_with_held()

    def finish(self):
        if not self.started:
            if self.half:
                self._send_half()
            self._start_with_held()
        self._send(self._encoder.end() if self._encoder else b"")
        self._end()

    def fail(self, code, status, text):
        """Says that the query failed; what was held back is not sent."""
        if self.started:
            self._break(text)
            return
        self._held = tempfile.SpooledTemporaryFile()
        self.status, self.content_type = status, "text/plain; charset=UTF-8"
        self.headers.pop("X-ClickHouse-Format", None)
        self.headers["X-ClickHouse-Exception-Code"] = str(code)
        if status == 401:
            self.headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        self._held.write(text.encode())
        self.half = self.wait = False
        self.cut_at = None
        self.finish()

    def fail_at_cut(self, text):
        """The answer up to `cut_at`, and then the error."""
        data = self._take_held()
        self._start()
        self._send(self._encoded(data[: self.cut_at]))
        self._break(text)

    def _take_held(self):
        self._held.seek(0)
        data = self._held.read()
        self._held.close()
        return data

    def _start_with_held(self):
        self._held.seek(0)
        self._start(with_body=bool(self._held.read(1)))
        self._held.seek(0)
        while piece := self._held.read(HELD):
            self._send(self._encoded(piece))
        self._held.close()

    def _start(self, with_body=True):
        self.started = True
        self._out.write(self._head(with_body))
        if self.coding and with_body:
            self._encoder = Encoder(self.coding, self.level)

    def _head(self, with_body):
        lines = [f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}"]
        lines.append(f"Date: {email.utils.formatdate(usegmt=True)}")
        lines.append("Connection: " + ("Keep-Alive" if self.keep_alive else "Close"))
        lines.append(f"Content-Type: {self.content_type}")
        lines.append("Access-Control-Expose-Headers: " + ",".join(f"X-ClickHouse-{name}" for name in _EXPOSED))
        if self._chunked:
            lines.append("Transfer-Encoding: chunked")
        lines += (f"{name}: {value}" for name, value in self.headers.items())
        if self.keep_alive:
            lines.append(f"Keep-Alive: timeout={self.keep_alive}, max=9999")
        if self.coding and with_body:
            lines.append(f"Content-Encoding: {self.coding}")
        if self._style == "tag":
            lines.append(f"X-ClickHouse-Exception-Tag: {self._tag}")
        if self.summary:
            lines.append(f"X-ClickHouse-Summary: {self.summary()}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _encoded(self, data):
        if self.native and data:
            data = blocks.encode(data)
        return self._encoder.write(data) if self._encoder and data else data

    def _send(self, data):
        if not data or not self._body_wanted:
            return
        self.bytes_sent += len(data)
        if self._chunked:
            self._out.write(b"%x\r\n" % len(data))
        self._out.write(data)
        if self._chunked:
            self._out.write(b"\r\n")
            self._out.flush()

    def _end(self):
        if self._chunked and self._body_wanted:
            self._out.write(b"0\r\n\r\n")
        self._out.flush()
        self.ended = True

    def _send_half(self):
        data = self._take_held()
        self._start(bool(data))
        data = self._encoded(data) + (self._encoder.end() if self._encoder else b"")
        self._send(data[: len(data) // 2])
        self._out.flush()
        raise ConnectionCut("a fault")

    def _break(self, text):
        """The error behind the data. The last chunk stays out, so that HTTP itself shows that something is missing."""
        self.keep_alive = 0
        self._send(self._encoder.flush() if self._encoder else b"")
        self._send(self._encoded(self._exception(text)))
        if self._style == "plain":
            self._send(self._encoder.end() if self._encoder else b"")
            self._end()
            return
        self._send(self._encoder.flush() if self._encoder else b"")
        self._out.flush()
        self.ended = True

    def _exception(self, text):
        message = text.encode()
        if self._style == "plain":
            return message
        if self._style == "marker":
            return MARKER + b"\r\n" + message
        message = message[: LONGEST_EXCEPTION - _FRAME]
        if not message.endswith(b"\n"):
            message += b"\n"
        tag = self._tag.encode()
        return b"\r\n%b\r\n%b\r\n%b%d %b\r\n%b\r\n" % (MARKER, tag, message, len(message), tag, MARKER)
