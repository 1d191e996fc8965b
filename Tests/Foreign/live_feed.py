"""Running `k2-feed live` against a server of ours, and what it writes."""

import json
import os
import signal
import subprocess
import threading
import time

from live_traffic import normalized, order


class Feed:
    """A running capture. Its records and its words on stderr are collected as they come."""

    def __init__(self, tools, folder, exchange, server, *arguments, symbols=None, environment=None, endpoint=None, rest=None):
        self.exchange = exchange
        self._tools, self._folder = tools, folder
        self._changed = threading.Condition()
        self.lines = []
        self.said = []
        command = [tools.path("k2-feed"), "live", exchange, "--endpoint", endpoint or server.url("ws")]
        command += ["--rest-endpoint", rest or server.url("http"), *arguments]
        if symbols:
            command += ["--symbols", ",".join(symbols)]
        self.began_at = time.time() * 1e6
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=quiet_environment(folder) | (environment or {})
        )
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.said))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe, lines):
        for line in pipe:
            with self._changed:
                lines.append(line)
                self._changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.stop() if kind is None else self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(5)

    @property
    def stderr(self):
        return b"".join(self.said).decode()

    @property
    def records(self):
        return [json.loads(line) for line in list(self.lines)]

    def records_of(self, kind):
        return [record for record in self.records if record["kind"] == kind]

    @property
    def messages(self):
        """(origin, message byte for byte) of the raw records."""
        found = []
        for line in list(self.lines):
            if line.startswith(b'{"kind":"raw"'):
                found.append((json.loads(line)["origin"], line[line.index(b',"message":') + 11 : -2]))
        return found

    @property
    def gaps(self):
        return [(record["state"], record["first_missing"], record["last_missing"]) for record in self.records_of("gap")]

    def until(self, condition, seconds=10, what="what was waited for"):
        """Waits until `condition` holds; asked again at least every 50 ms."""
        deadline = time.monotonic() + seconds
        while True:
            if (found := condition()) or time.monotonic() > deadline:
                break
            assert self.process.poll() is None, f"k2-feed ended with {self.process.returncode}: {self.stderr}"
            with self._changed:
                self._changed.wait(0.05)
        assert found, f"{what} did not come in {seconds} s; {len(self.lines)} records; stderr:\n{self.stderr}"
        return found

    def until_said(self, *words, seconds=10):
        """Waits for a line on stderr that has all these words."""

        def line():
            return next((text for text in self.stderr.splitlines() if all(word in text for word in words)), None)

        return self.until(line, seconds, f"a line with {', '.join(words)}")

    def until_messages(self, number, seconds=10):
        return self.until(lambda: len(self.messages) >= number and self.messages, seconds, f"{number} messages")

    def stop(self):
        """Asks it to end; it delivers what it has."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        for reader in self._readers:
            reader.join(5)
        assert status == 128 + signal.SIGTERM, f"status {status}: {self.stderr}"

    def trades(self, rejected=()):
        """What k2-normalize makes of the records, by id; duplicates would show. It must reject the messages of
        `rejected`, in this order, and nothing else."""
        letters = self._folder / "rejected.ndjson"
        letters.unlink(missing_ok=True)
        command = [self._tools.path("k2-normalize"), "--dead-letter", str(letters)]
        done = subprocess.run(command, input=b"".join(self.lines), capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr.decode()
        found = [json.loads(line) for line in letters.read_text().splitlines()] if letters.exists() else []
        assert [letter["input"].split(',"message":')[1][:-1].encode() for letter in found] == list(rejected), done.stderr.decode()
        records = map(json.loads, done.stdout.splitlines())
        return sorted((normalized(record) for record in records if record["kind"] == "trade"), key=order)


def quiet_environment(folder):
    """No proxies and certificates of the machine, and state in a folder of the test."""
    unwanted = {"http_proxy", "https_proxy", "no_proxy", "all_proxy", "ssl_cert_file", "k2_instruments"}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in unwanted}
    return kept | {"XDG_STATE_HOME": str(folder)}
