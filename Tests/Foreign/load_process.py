"""Running `k2-load` against a warm store of the tests, and what the store then holds."""

import contextlib
import decimal
import json
import random
import signal
import subprocess
import threading
import time

from expectations import COLUMNS, difference
from live_feed import quiet_environment
from test_values import BASE
from warm_store import comparable

WARM = {name.removeprefix("gold_"): columns for name, columns in COLUMNS.items()}
EXACT = {
    "date_time_output_format": "iso",
    "output_format_json_quote_decimals": "1",
    "output_format_json_quote_64bit_integers": "0",
}
LINE = (
    '{{"kind":"trade","message_id":"00000000-0000-8000-8000-{n:012x}","trade_id":"BINANCE-{n}","exchange":"binance","symbol":"BTCUSDT",'
    '"canonical_symbol":"BTC/USDT","asset_class":"crypto","currency":"USDT","price":"76745.18000000","quantity":"0.00065000",'
    '"quote_volume":"49.8843670000000000","side":"BUY","timestamp":"{time}","ingestion_timestamp":"2026-02-18T00:00:00.123456Z",'
    '"source_sequence":{n},"origin":"stream","is_valid":true}}\n'
)
TIME = BASE["timestamp"]


def lines(first, count, time=TIME):
    """Trades with the numbers from `first` on."""
    return "".join(LINE.format(n=n, time=time) for n in range(first, first + count)).encode()


def wide_lines(first, count, seed=1):
    """Trades that compression makes little smaller: about 60 bytes a row."""
    source = random.Random(seed)
    conditions = (f',"trade_conditions":["{source.getrandbits(320):x}"]' for _ in range(count))
    parts = LINE.replace(',"timestamp"', '{more},"timestamp"')
    return "".join(parts.format(n=n, time=TIME, more=more) for n, more in zip(range(first, first + count), conditions)).encode()


class Load:
    """A running `k2-load`. What it says and passes on is collected as it comes."""

    def __init__(self, tools, environment, *arguments, verb=()):
        command = [tools.path("k2-load"), *verb, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.passed, self._said = bytearray(), bytearray()
        self._changed = threading.Condition()
        self._readers = [self._collect(self.process.stdout, self.passed), self._collect(self.process.stderr, self._said)]
        self._writers = []

    def _collect(self, pipe, into):
        def read():
            while piece := pipe.read1(1 << 16):
                with self._changed:
                    into.extend(piece)
                    self._changed.notify_all()

        return self._thread(read)

    @staticmethod
    def _thread(work):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def said(self):
        return self._said.decode()

    def give(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def give_aside(self, data, close=False):
        """Writes from a thread, for when reading may stop; gives an event that is set when all was taken."""
        taken = threading.Event()

        def write():
            with contextlib.suppress(OSError, ValueError):
                self.give(data)
                if close:
                    self.process.stdin.close()
                taken.set()

        self._writers.append(self._thread(write))
        return taken

    def end(self, seconds=30):
        """The input is at its end; gives the exit status."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        return self.wait(seconds)

    def stop(self, seconds=12):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.wait(10)

    def wait(self, seconds=30):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"k2-load did not end in {seconds} s; it said:\n{self.said}") from None
        for thread in self._readers:
            thread.join(10)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        return status

    def until(self, condition, seconds=10, what="what was waited for"):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"{what} did not come in {seconds} s; k2-load said:\n{self.said}"
            assert self.process.poll() is None, f"k2-load ended with {self.process.returncode}: {self.said}"
            with self._changed:
                self._changed.wait(0.02)
        return found

    def until_said(self, *words, seconds=10):
        return self.until(lambda: [s for s in self.said.splitlines() if all(w in s for w in words)], seconds, f"a line with {words}")


class Store:
    """One database of a running server; `port` may be that of a proxy in front of it."""

    def __init__(self, tools, server, database, folder):
        self.tools, self.server, self.database, self.folder = tools, server, database, folder

    def environment(self, port=None, **changes):
        url = f"http://127.0.0.1:{port or self.server.port}/{self.database}"
        return quiet_environment(self.folder) | {"K2_CLICKHOUSE_URL": url} | changes

    def init(self, *arguments, port=None, **changes):
        done = subprocess.run(
            [self.tools.path("k2-load"), "init", *arguments], env=self.environment(port, **changes), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def start(self, *arguments, port=None, **changes):
        return Load(self.tools, self.environment(port, **changes), *arguments)

    def load(self, data, *arguments, port=None, expect=0, seconds=60, **changes):
        """Gives all of `data`; what was said and passed on."""
        with self.start(*arguments, port=port, **changes) as running:
            running.give_aside(data, close=True)
            status = running.wait(seconds)
            assert status == expect, f"status {status}, not {expect}: {running.said}"
            return running

    def query(self, text):
        return self.server.rows(text, database=self.database)

    def run(self, text):
        self.query(text)

    def number(self, text):
        return int(self.query(text)[0])

    def count(self, table="silver_trades", final=True):
        return self.number(f"SELECT count() FROM {table} {'FINAL' if final else ''}")

    def rows(self, table, final=True):
        answer = self.server.query(f"SELECT * FROM {table} {'FINAL' if final else ''} FORMAT JSONEachRow", database=self.database, **EXACT)
        assert answer.status == 200 and not answer.cut, answer.text
        rows = [json.loads(line, parse_float=decimal.Decimal) for line in answer.text.splitlines()]
        return comparable(WARM[table], rows)

    def holds(self, first, count, table="silver_trades", repeats=0):
        """The table has exactly the trades of `lines(first, count)`; at most `repeats` rows come twice before they are merged."""
        (row,) = self.query(f"SELECT count(), uniqExact(trade_id), min(source_sequence), max(source_sequence) FROM {table} FINAL")
        found = tuple(map(int, row.split("\t")))
        assert found == (count, count, first if count else 0, first + count - 1 if count else 0), f"(rows, ids, first, last) are {found}"
        raw = self.count(table, final=False)
        assert raw <= count + repeats, f"{raw} rows before merging for {count} trades"


def spooled(folder):
    """Bytes of segments in a spool."""
    return sum(file.stat().st_size for file in folder.glob("*.spool"))


def wanted_rows(table, records):
    """The records that FINAL must give: of each identity the last one, of each window the newest."""
    if table.startswith("ohlcv_"):
        interval = table.removeprefix("ohlcv_")
        newest = {}
        for record in records:
            if record["kind"] == "candle" and record["interval"] == interval:
                key = (record["exchange"], record["canonical_symbol"], record["window_start"])
                rank = (record["revision"], record["is_final"])
                if key not in newest or (newest[key]["revision"], newest[key]["is_final"]) <= rank:
                    newest[key] = record
        return list(newest.values())
    if table.startswith("bronze_trades_"):
        exchange = table.removeprefix("bronze_trades_")
        chosen = {(r["symbol"], r["trade_id"]): r for r in records if r["kind"] == "bronze" and r["exchange"] == exchange}
    elif table == "silver_trades":
        chosen = {(r["exchange"], r["symbol"], r["trade_id"]): r for r in records if r["kind"] == "trade"}
    else:
        keys = ("exchange", "symbol", "first_missing", "last_missing", "state", "detected_at")
        chosen = {tuple(r[k] for k in keys): r for r in records if r["kind"] == "gap"}
    return list(chosen.values())


def problem(store, table, records):
    return difference(WARM[table], wanted_rows(table, records), store.rows(table))
