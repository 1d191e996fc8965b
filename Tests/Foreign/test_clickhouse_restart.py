"""The development server as a process: starting, ending, being killed, TLS, and the installed server instead of it."""

import contextlib
import http.client
import os
import ssl
import stat
import subprocess
import sys
import threading
import time

import pytest

from clickhouse_server import SCRIPT, ClickHouse

TABLE = (
    "CREATE TABLE t (a UInt64, day Date) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY a"
    " SETTINGS non_replicated_deduplication_window = 1000"
)


@pytest.fixture(scope="session", autouse=True)
def root_folder():
    """These tests need none of the built tools."""


@pytest.fixture
def server(tmp_path):
    with ClickHouse(tmp_path, "--test-hooks") as running:
        yield running


def batch(number, rows=1000):
    """Rows of two days."""
    return b"".join(b"%d\t2026-01-0%d\n" % (number * rows + row, 1 + row % 2) for row in range(rows))


def send(server, number):
    return server.query("INSERT INTO t FORMAT TSV", batch(number), insert_deduplication_token=f"batch {number}")


class TestRestart:
    def test_data_stays(self, server):
        server.run(TABLE)
        assert send(server, 0).status == 200
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
        server.start()
        assert server.rows("SELECT count() FROM t") == ["1000"]

    def test_ends_although_queries_run(self, server):
        slow = threading.Thread(target=self._ignore_errors, args=(server, "SELECT sleepEachRow(1) FROM numbers(100)"))
        slow.start()
        time.sleep(0.5)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        slow.join(10)

    @staticmethod
    def _ignore_errors(server, query):
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.query(query, max_block_size="1", function_sleep_max_microseconds_per_block="0")

    def test_killed_while_inserting(self, server):
        server.run(TABLE)
        acknowledged, unknown = self._insert_until_killed(server)
        server.start()
        found = {int(line) for line in server.rows("SELECT DISTINCT intDiv(a, 1000) FROM t")}
        assert acknowledged <= found <= acknowledged | unknown
        for number in acknowledged | unknown:
            assert send(server, number).status == 200
        rows = 1000 * len(acknowledged | unknown)
        assert server.rows("SELECT count(), uniqExact(a) FROM t") == [f"{rows}\t{rows}"]

    @staticmethod
    def _insert_until_killed(server):
        """(batches that were acknowledged, batches that may be there or not)."""
        acknowledged, sent = set(), set()

        def work(first):
            for number in range(first, 100000, 4):
                sent.add(number)
                try:
                    if send(server, number).status == 200:
                        acknowledged.add(number)
                except (OSError, http.client.HTTPException):
                    return

        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        server.kill()
        for thread in threads:
            thread.join(30)
        assert len(acknowledged) > 10
        return acknowledged, sent - acknowledged

    def test_killed_again_and_again(self, server):
        server.run(TABLE)
        for number in range(3):
            assert send(server, number).status == 200
            server.kill()
            server.start()
        assert server.rows("SELECT count() FROM t") == ["3000"]

    def test_folder_in_use(self, server):
        second = server.launch("--port", "0")
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 75
        assert errors.decode().strip().count("\n") == 0 and "another process" in errors.decode()


class TestStart:
    def run(self, *arguments, **environment):
        own = {"K2_CLICKHOUSE_ENGINE": "chdb", "K2_CLICKHOUSE_PYTHON": sys.executable}
        return subprocess.run(
            [SCRIPT, *arguments], env=os.environ | own | environment, capture_output=True, text=True, timeout=60
        )

    def test_usage(self, tmp_path):
        assert self.run().returncode == 64
        assert self.run("--path", tmp_path, "--port", "x").returncode == 64
        assert self.run("--path", tmp_path, "--what", "x").returncode == 64
        assert self.run("--path", tmp_path, K2_CLICKHOUSE_ENGINE="mysql").returncode == 64
        assert "--path DIR" in self.run("--help").stdout

    def test_port_taken(self, tmp_path, server):
        done = self.run("--path", tmp_path / "other", "--port", str(server.port))
        assert done.returncode == 69 and "cannot listen" in done.stderr

    def test_tls(self, tmp_path):
        make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key -out cert"
        subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
        with ClickHouse(tmp_path, "--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key")) as server:
            context = ssl.create_default_context(cafile=tmp_path / "cert")
            connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=20)
            # A client that does not even begin with TLS holds up nobody.
            idle = server.connection()
            idle.connect()
            connection.request("POST", "/", b"SELECT 1")
            assert connection.getresponse().read() == b"1\n"
            idle.close()


# Stands for an installed ClickHouse: tells its version, and answers /ping on the port of its configuration.
INSTALLED = """#!{python}
import http.server, re, sys
if "--version" in sys.argv:
    print("ClickHouse server version {version} (official build).")
    sys.exit()
config = open(sys.argv[-1].partition("=")[2]).read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(config.encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(re.search("<http_port>([0-9]+)<", config)[1])), Handler).serve_forever()
"""


class TestInstalledServer:
    def environment(self, tmp_path, version, engine=""):
        tools = tmp_path / "bin"
        tools.mkdir()
        program = tools / "clickhouse"
        program.write_text(INSTALLED.format(python=sys.executable, version=version))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return {"PATH": f"{tools}:{os.environ['PATH']}", "K2_CLICKHOUSE_ENGINE": engine}

    def test_is_preferred(self, tmp_path):
        environment = self.environment(tmp_path, "25.8.2.29")
        with ClickHouse(tmp_path / "d", "--user", "me", "--password", "s<&t", environment=environment) as server:
            config = server.request("GET", "/ping").text
        assert f"<path>{tmp_path}/d/data/data/</path>" in config and "<listen_host>127.0.0.1</listen_host>" in config
        assert "<me>" in config and "s<&t" not in config and "s&lt;" not in config

    def test_too_old(self, tmp_path):
        with ClickHouse(tmp_path / "d", environment=self.environment(tmp_path, "23.8.1.1")) as server:
            assert server.rows("SELECT 1") == ["1"]

    def test_too_old_but_asked_for(self, tmp_path):
        environment = self.environment(tmp_path, "23.8.1.1", engine="server")
        process = ClickHouse(tmp_path / "d", environment=environment).launch("--port", "0")
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 69 and b"24.3" in errors
