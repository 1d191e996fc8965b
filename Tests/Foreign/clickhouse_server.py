"""Starts `scripts/dev/clickhouse-server` for a test, and speaks plain HTTP with it."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlencode

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "dev" / "clickhouse-server"
START, END = 60, 20


@dataclass
class Answer:
    """`cut` says that the answer ended before its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    cut: bool = False

    @property
    def text(self):
        return self.body.decode()

    @property
    def code(self):
        return int(self.headers.get("X-ClickHouse-Exception-Code", 0))

    @property
    def summary(self):
        return {name: int(value) for name, value in json.loads(self.headers["X-ClickHouse-Summary"]).items()}


class ClickHouse:
    """A server process with a data folder; `start` again after `kill` finds the same data."""

    def __init__(self, folder, *flags, environment=None):
        self.folder, self._flags = pathlib.Path(folder), flags
        own = {"K2_CLICKHOUSE_ENGINE": "chdb", "K2_CLICKHOUSE_PYTHON": sys.executable}
        self._environment = os.environ | own | (environment or {})
        self.process, self.port = None, None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = self.launch("--port", "0", "--port-file", str(port_file))
        end = time.monotonic() + START
        while not port_file.exists():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.02)
        self.port = int(port_file.read_text())
        return self

    def launch(self, *flags):
        command = [SCRIPT, "--path", str(self.folder / "data"), *flags, *self._flags]
        return subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE)

    def stop(self):
        """Ends it as an operator would; gives the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process is None:
            return None
        self.process.send_signal(number)
        process, self.process = self.process, None
        try:
            process.communicate(timeout=END)
        finally:
            process.kill()
        return process.returncode

    def connection(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, target, body=None, headers=None, connection=None):
        """One request, on a connection of its own unless one is given."""
        own = connection is None
        connection = connection or self.connection()
        try:
            connection.request(method, target, body, headers or {}, encode_chunked=hasattr(body, "__next__"))
            return read_answer(connection.getresponse())
        finally:
            if own:
                connection.close()

    def query(self, text, body=b"", *, headers=None, connection=None, method="POST", **parameters):
        target = "/?" + urlencode({"query": text, **parameters})
        return self.request(method, target, None if method == "GET" else body, headers, connection)

    def rows(self, text, **parameters):
        """The lines of a result."""
        answer = self.query(text, **parameters)
        assert answer.status == 200 and not answer.cut, answer.text
        return answer.text.splitlines()

    def run(self, *statements):
        for statement in statements:
            self.rows(statement)

    def fault(self, **fault):
        assert self.request("POST", "/_test/fault", json.dumps(fault)).status == 200

    def reset(self):
        assert self.request("POST", "/_test/reset", b"").status == 200

    def stats(self):
        return json.loads(self.request("GET", "/_test/stats").body)


def read_answer(response):
    try:
        body, cut = response.read(), False
    except http.client.IncompleteRead as error:
        body, cut = error.partial, True
    return Answer(response.status, response.headers, body, cut)
