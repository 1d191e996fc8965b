"""The engine: chdb in this process, and what it knows about itself."""

import fcntl
import os
import shutil
import time

from chdb.state.sqlitelike import connect

from .errors import ErrorTexts, from_engine

# How long to wait for a folder whose last user may be just ending.
LOCK_PATIENCE = 5.0


class FolderInUse(Exception):
    """Another process has the data folder."""


def quoted(text, mark="'"):
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


class Engine:
    """Hands out connections. Each has settings, a database and temporary tables of its own."""

    def __init__(self, folder):
        self._folder = folder
        # While one connection is open the engine stays up; the others come and go.
        self._first = _open_patiently(folder)
        self.inputs = _empty_folder(folder, "inputs")
        self.version = self._value("SELECT version()")
        self.timezone = self._value("SELECT timezone()")
        self.errors = ErrorTexts(self._error_names(), self.version)
        self.content_types = dict(self._rows("SELECT name, content_type FROM system.formats WHERE is_output"))
        of_transport = "name LIKE '%http%' OR name = 'max_insert_block_size'"
        self._defaults = dict(self._rows(f"SELECT name, value FROM system.settings WHERE {of_transport}"))

    def _value(self, query):
        return self._rows(query)[0][0]

    def _rows(self, query):
        text = self._first.query(query, "TSVRaw").bytes().decode()
        return [line.split("\t") for line in text.splitlines()]

    def _error_names(self):
        rows = self._rows("SELECT number, errorCodeToName(number) FROM numbers(1100)")
        return {int(code): name for code, name in rows if name}

    def connection(self):
        connection = Connection(connect(self._folder))
        # The engine is made for notebooks, where `1 + 1` is a query; a server has this off.
        connection.set({"implicit_select": "0"})
        return connection

    def is_on(self, setting, given):
        """Whether a setting of the transport is on, by the request or else by the engine's default."""
        return given.get(setting, self._defaults.get(setting, "0")).lower() in ("1", "true")

    def number(self, setting, given):
        return int(given.get(setting, self._defaults.get(setting, "0")))

    def close(self):
        self._first.close()


def _open_patiently(folder):
    """The engine says only that it cannot start when its folder is in use, so its lock is looked at first."""
    end = time.monotonic() + LOCK_PATIENCE
    while _is_locked(folder):
        if time.monotonic() > end:
            raise FolderInUse(folder)
        time.sleep(0.05)
    return connect(folder)


def _empty_folder(folder, name):
    """A folder for what only this process needs; an earlier one may have been killed and have left its own."""
    path = os.path.join(folder, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def _is_locked(folder):
    try:
        with open(os.path.join(folder, "status")) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


class Connection:
    """One connection to the engine; its errors come out as `ServerError`."""

    def __init__(self, connection):
        self._connection = connection

    def run(self, text, output_format="TabSeparated", parameters=None):
        try:
            return self._connection.query(text, output_format, params=parameters or {})
        except Exception as error:
            raise from_engine(error) from error

    def stream(self, text, output_format, parameters):
        """The chunks of a result, or None when the engine cannot stream this kind of statement."""
        try:
            return Stream(self._connection.send_query(text, output_format, params=parameters))
        except Exception as error:
            problem = from_engine(error)
            if "Streaming query is not supported" in problem.text:
                return None
            raise problem from error

    def changes_data(self, text):
        """Whether a statement does anything but read; how many statements there are is the engine's to judge."""
        kind = self._connection._conn.classify_query(text)
        return kind["statement_count"] == 1 and kind["query_class"].name != "READ_ONLY"

    def set(self, values):
        """Sets all of them; None stands for the default."""
        changes = (f"{quoted(name, '`')} = {'DEFAULT' if value is None else quoted(value)}" for name, value in values.items())
        if values:
            self.run("SET " + ", ".join(changes))

    def use(self, database):
        self.run(f"USE {quoted(database, '`')}")

    def close(self):
        self._connection.close()


class Stream:
    """Iterates over chunks, which know their bytes and rows."""

    def __init__(self, result):
        self._result = result

    def __iter__(self):
        return self

    def __next__(self):
        try:
            chunk = self._result.fetch()
        except Exception as error:
            raise from_engine(error) from error
        if chunk is None:
            raise StopIteration
        return chunk

    def cancel(self):
        try:
            self._result.cancel()
        except Exception as error:
            raise from_engine(error) from error
