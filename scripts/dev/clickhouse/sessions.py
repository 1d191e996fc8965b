"""Sessions: connections that outlive a request, for temporary tables and settings made with SET."""

import contextlib
import threading
import time

from .engine import quoted
from .errors import BAD_SESSION_TIMEOUT, SESSION_ID_EMPTY, SESSION_LOCKED, SESSION_NOT_FOUND, ServerError

DEFAULT_TIMEOUT, LONGEST_TIMEOUT = 60, 3600


class _Session:
    def __init__(self, connection):
        self.connection = connection
        self.busy = False
        self.ends = 0.0


class Sessions:
    """Connections by user and session. A session is used by one request at a time and ends when it is not used."""

    def __init__(self, engine):
        self._engine, self._lock, self._sessions = engine, threading.Lock(), {}

    @contextlib.contextmanager
    def connection(self, user, parameters):
        """The connection for a request, with the request's database and settings; only a session keeps it."""
        if "session_id" not in parameters:
            connection = self._engine.connection()
            try:
                _apply(connection, parameters)
                yield connection
            finally:
                connection.close()
            return
        key, timeout = (user, _identifier(parameters)), _timeout(parameters)
        session = self._take(key, parameters.get("session_check") == "1")
        try:
            with _restored(session.connection, parameters):
                yield session.connection
        finally:
            self._give_back(key, session, timeout, ended=parameters.on("close_session"))

    def _take(self, key, must_exist):
        with self._lock:
            self._end_the_unused()
            session = self._sessions.get(key)
            if session is None:
                if must_exist:
                    raise ServerError(SESSION_NOT_FOUND, f"Session {key[1]} not found")
                session = self._sessions[key] = _Session(self._engine.connection())
            if session.busy:
                raise ServerError(SESSION_LOCKED, f"Session {key[1]} is locked by a concurrent client")
            session.busy = True
            return session

    def _give_back(self, key, session, timeout, ended):
        with self._lock:
            session.busy, session.ends = False, time.monotonic() + timeout
            if ended:
                self._sessions.pop(key).connection.close()

    def _end_the_unused(self):
        now = time.monotonic()
        for key in [key for key, session in self._sessions.items() if not session.busy and session.ends < now]:
            self._sessions.pop(key).connection.close()


def _identifier(parameters):
    if not parameters["session_id"]:
        raise ServerError(SESSION_ID_EMPTY, "Session id query parameter was provided, but it was empty")
    return parameters["session_id"]


def _timeout(parameters):
    text = parameters.get("session_timeout", str(DEFAULT_TIMEOUT))
    if not text.isdigit():
        raise ServerError(BAD_SESSION_TIMEOUT, f"Invalid session timeout: '{text}'")
    if int(text) > LONGEST_TIMEOUT:
        raise ServerError(
            BAD_SESSION_TIMEOUT, f"Session timeout '{text}' is larger than max_session_timeout: {LONGEST_TIMEOUT}."
        )
    return int(text)


def _apply(connection, parameters):
    if parameters.database:
        connection.use(parameters.database)
    connection.set(parameters.settings)


@contextlib.contextmanager
def _restored(connection, parameters):
    """What a request sets in its URL holds for this request alone, so the session gets its own values back."""
    database = connection.run("SELECT currentDatabase()", "TSVRaw").bytes().decode().strip()
    before = _values(connection, parameters.settings)
    try:
        _apply(connection, parameters)
        yield
    finally:
        if parameters.database:
            connection.use(database)
        connection.set(before)


def _values(connection, names):
    """The values of those settings that exist, None for a default."""
    if not names:
        return {}
    listed = ", ".join(quoted(name) for name in names)
    rows = connection.run(f"SELECT name, value, changed FROM system.settings WHERE name IN ({listed})", "TSVRaw")
    split = (line.split("\t") for line in rows.bytes().decode().splitlines())
    return {name: value if changed == "1" else None for name, value, changed in split}
