"""The data of an INSERT on its way into the engine, through a named pipe that the engine reads as a file.

The engine has a call for this, too, but that one does not tell when the rows could be read and not be written.

What goes through the pipe is framed as LZ4 blocks that are stored as they are. A file that just ends would be taken
for all of the data; a frame with a block that cannot be makes the engine give up the INSERT.
"""

import contextlib
import fcntl
import itertools
import os
import struct
import threading
import time

import lz4.frame

from .errors import ServerError

BLOCK = 1 << 20
_HEAD = lz4.frame.LZ4FrameCompressor(block_size=lz4.frame.BLOCKSIZE_MAX4MB).begin()
_STORED = 1 << 31
_END, _IMPOSSIBLE = struct.pack("<I", 0), struct.pack("<I", _STORED - 1)
_SET_PIPE_SIZE = 1031
_numbers = itertools.count()


class Insertion:
    """Runs an INSERT on a thread of its own while the data is written with `append`; used in `with`."""

    def __init__(self, connection, insert, folder, rows_at_once):
        self._connection, self._pipe = connection, os.path.join(folder, str(next(_numbers)))
        self._statement = _statement(insert, self._pipe, rows_at_once)
        self._result = self._error = self._out = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        os.mkfifo(self._pipe)
        self._thread.start()
        self._out = self._open()
        self._write(_HEAD)
        return self

    def __exit__(self, kind, *_):
        if kind:
            self._write(_IMPOSSIBLE)
        self._close()
        os.unlink(self._pipe)

    def append(self, data):
        view = memoryview(data)
        for at in range(0, len(view), BLOCK):
            block = view[at : at + BLOCK]
            self._write(struct.pack("<I", len(block) | _STORED))
            self._write(block)
        if self._error:
            raise self._error

    def finish(self):
        """What the engine says about the INSERT."""
        self._write(_END)
        self._close()
        if self._error:
            raise self._error
        return self._result

    def _run(self):
        try:
            self._result = self._connection.run(self._statement)
        except ServerError as error:
            self._error = error

    def _open(self):
        """The writing end, or None when the engine gives up before it looks at the data."""
        while self._thread.is_alive():
            try:
                out = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                time.sleep(0.0002)
                continue
            os.set_blocking(out, True)
            with contextlib.suppress(OSError):
                fcntl.fcntl(out, _SET_PIPE_SIZE, BLOCK)
            return out
        return None

    def _write(self, data):
        """Nothing is written once the engine has stopped reading: its error tells why."""
        view = memoryview(data)
        while self._out is not None and view:
            try:
                view = view[os.write(self._out, view) :]
            except BrokenPipeError:
                self._close()

    def _close(self):
        if self._out is not None:
            os.close(self._out)
            self._out = None
        self._thread.join()


def _statement(insert, pipe, rows_at_once):
    # A server cuts the data of an INSERT into blocks of this many rows; what is read from a file has another size.
    settings = f"max_block_size = {rows_at_once}" + (f", {insert.settings}" if insert.settings else "")
    return f"{insert.text} FROM INFILE '{pipe}' COMPRESSION 'lz4' SETTINGS {settings} FORMAT {insert.format}"
