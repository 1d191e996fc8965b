"""A ClickHouse to load into."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATABASE, TABLE = "k2", "silver_trades"
# Without merges for so long, the server has done its work.
QUIET_SECONDS = 2


class Server:
    """ClickHouse's engine behind a small HTTP server, with empty tables, on a core of its own."""

    def __init__(self, tool, core):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="k2-bench-"))
        port_file = self.folder / "port"
        command = [ROOT / "scripts/dev/clickhouse-server", "--path", self.folder / "data", "--port", "0", "--port-file", port_file, "--test-hooks"]
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stderr=subprocess.PIPE,
            env=os.environ | {"K2_CLICKHOUSE_ENGINE": "chdb"},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        while not port_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"clickhouse-server: {self.process.stderr.read().decode().strip()}")
            time.sleep(0.02)
        self.port = port_file.read_text().strip()
        # The records are of a day long ago: with the usual times to live ClickHouse would drop them at once.
        subprocess.run([tool("k2-load"), "init", "--ttl", "none"], check=True, env=os.environ | self.environment, stderr=subprocess.DEVNULL)
        self.version = self.query("SELECT version()")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self):
        return {"K2_CLICKHOUSE_URL": f"{self.url}/{DATABASE}"}

    def query(self, text):
        return self._post(f"/?database={DATABASE}", text.encode()).decode().strip()

    def stats(self):
        return json.loads(self._post("/_test/stats"))

    def stall(self, seconds):
        """The next insert waits so long before anything is done with it."""
        self._post("/_test/fault", json.dumps({"match": "INSERT INTO", "delay": seconds}).encode())

    def start_over(self):
        """Empties the table and counts from here."""
        self.query(f"TRUNCATE TABLE {TABLE} SYNC")
        self.settle()
        self._post("/_test/reset")

    def settle(self):
        """Waits until no parts are merged any more."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET_SECONDS:
            if self.query("SELECT count() FROM system.merges") != "0":
                quiet_since = time.monotonic()
            time.sleep(0.5)

    def _post(self, path, body=b""):
        with urllib.request.urlopen(self.url + path, data=body, timeout=600) as answer:
            return answer.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
