"""The body of a request as it comes from the connection."""

from .errors import ConnectionCut

PIECE = 1 << 18
# What an unread body may have left for the connection to be worth keeping.
DRAINED_AT_MOST = 64 << 20


class Body:
    """Reads a body once, with `Content-Length` or in chunks; counts what it read."""

    def __init__(self, source, headers):
        self._source = source
        self._chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self._length = int(headers.get("Content-Length") or 0)
        self.has_length = self._chunked or "Content-Length" in headers
        self.bytes_read = 0
        self._pieces = self._read_chunked() if self._chunked else self._read(self._length)

    def __iter__(self):
        return self

    def __next__(self):
        try:
            piece = next(self._pieces)
        except (OSError, ValueError) as error:
            raise ConnectionCut(str(error)) from error
        self.bytes_read += len(piece)
        return piece

    def drain(self):
        """Reads to the end; False when that did not work or would take too long."""
        left = DRAINED_AT_MOST
        try:
            for piece in self:
                left -= len(piece)
                if left < 0:
                    return False
        except ConnectionCut:
            return False
        return True

    def _read(self, left):
        while left:
            piece = self._source.read1(min(left, PIECE))
            if not piece:
                raise ConnectionCut("the body is cut off")
            left -= len(piece)
            yield piece

    def _read_chunked(self):
        while size := self._chunk_size():
            yield from self._read(size)
            if self._source.readline(3) != b"\r\n":
                raise ConnectionCut("a chunk does not end where it should")
        while self._source.readline(65537).strip():
            pass

    def _chunk_size(self):
        line = self._source.readline(1025)
        if not line.endswith(b"\n"):
            raise ConnectionCut("the body is cut off")
        return int(line.partition(b";")[0], 16)
