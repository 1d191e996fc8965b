"""Measures loading into ClickHouse: k2-load beside curl and a Python program, and the lines that `k2-load --tee` passes on.

    K2_BIN=.build/release python bench/load.py trades.ndjson [rounds [seconds]]

Runs one contest by itself; scripts/bench runs it with the others.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import mmap
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from markdown import MEBIBYTE, table, verdict
from measure import Contestant, Sample, run

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers"
DATABASE, TABLE = "k2", "silver_trades"
# What makes ClickHouse read the records as they are.
CURL_SETTINGS = {"date_time_input_format": "best_effort", "input_format_skip_unknown_fields": "1"}
SUMS = f"SELECT count(), sum(price), sum(quote_volume), sum(cityHash64(formatRow('TabSeparated', * EXCEPT loaded_at))) FROM {TABLE}"
QUIET_SECONDS = 2


# The server -----------------------------------------------------------------------------------------------


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


# Loading --------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class LoadSample(Sample):
    """A run and what it cost the server."""

    # Until the client was done, and until the parts were merged as well.
    server_cpu: float
    settled_cpu: float
    # The server's largest resident set, and how much of it came in this run.
    server_memory: int
    server_growth: int


def middle(contestant, name):
    return statistics.median(getattr(sample, name) for sample in contestant.samples)


def most(contestant, name):
    return max(getattr(sample, name) for sample in contestant.samples)


def per_server_second(contestant, name="settled_cpu"):
    """Rows for each CPU second of the server."""
    return contestant.lines / middle(contestant, name)


def contestants(tool, server, trades, count, folder):
    spool = folder / "load-spool"
    query = urllib.parse.urlencode({"database": DATABASE, "query": f"INSERT INTO {TABLE} FORMAT JSONEachRow"} | CURL_SETTINGS)
    curl = ["curl", "--silent", "--show-error", "--fail-with-body", "--data-binary", f"@{trades}", f"{server.url}/?{query}"]
    python = [sys.executable, PEERS / "load_client.py", "127.0.0.1", server.port, DATABASE]
    return [
        Contestant(
            "k2-load", [tool("k2-load"), "--spool", spool], trades, count, server.environment, lambda: shutil.rmtree(spool, ignore_errors=True)
        ),
        Contestant("curl, JSONEachRow", curl, lines=count),
        Contestant("Python, clickhouse-connect", python, trades, count),
    ]  # fmt: skip


def load(server, contestant, core, expected):
    """One run into an empty table.

    `expected` are the sums over the table after earlier runs: all have to leave the same rows."""
    server.start_over()
    before = server.stats()
    sample = run(contestant, core)
    after = server.stats()
    server.settle()
    settled = server.stats()
    expected.setdefault(server.query(SUMS), contestant.name)
    if len(expected) > 1:
        sys.exit("bench: the tables differ:\n" + "\n".join(f"{name}: {sums}" for sums, name in expected.items()))
    if not next(iter(expected)).startswith(f"{contestant.lines}\t"):
        sys.exit(f"bench: {contestant.lines} rows expected, found {next(iter(expected))}")
    return LoadSample(
        *dataclasses.astuple(sample),
        server_cpu=after["cpu_seconds"] - before["cpu_seconds"],
        settled_cpu=settled["cpu_seconds"] - before["cpu_seconds"],
        server_memory=after["peak_rss_bytes"],
        server_growth=after["peak_rss_bytes"] - before["rss_bytes"],
    )


def compete(server, contest, rounds, core):
    expected = {}
    for contestant in contest:
        load(server, contestant, core, expected)  # brings files into the cache; not counted
    for _ in range(rounds):
        for contestant in contest:
            contestant.samples.append(load(server, contestant, core, expected))


# Passing on -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Passed:
    """What became of the lines that went through a program. Latencies in ns, line by line."""

    name: str
    latencies: list
    memory: int
    cpu: float

    def latency(self, part):
        """µs"""
        return quantile(self.latencies, part) / 1000


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@dataclasses.dataclass
class Tee:
    rate: int
    seconds: int
    stall: int
    passed: list
    # How far the writer was behind its clock at worst, ns.
    late: int


class Pipe:
    """A program between a writer and a reader, who note when each line goes in and comes out."""

    def __init__(self, name, command, count, core, environment):
        self.name = name
        self.written, self.read = shared_numbers(count), shared_numbers(count)
        self.digest = multiprocessing.get_context("fork").Array("c", 64, lock=False)
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self.into, self.out = self.process.stdin.fileno(), self.process.stdout.fileno()

    def follow(self):
        """Reads all lines; those that come in one piece came at one time."""
        blocks, number = [], 0
        while block := os.read(self.out, 1 << 16):
            now = time.monotonic_ns()
            blocks.append(block)
            for _ in range(block.count(b"\n")):
                self.read[number] = now
                number += 1
        self.digest.value = hashlib.sha256(b"".join(blocks)).hexdigest().encode()

    def end(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise RuntimeError(f"{self.name}: status {self.process.returncode}")
        latencies = [out - into for into, out in zip(self.written, self.read, strict=True)]
        return Passed(self.name, latencies, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)


def shared_numbers(count):
    return memoryview(mmap.mmap(-1, count * 8)).cast("q")


def head(file, count):
    with open(file, "rb") as lines:
        yield from itertools.islice(lines, count)


def write_paced(file, count, pipes, rate, late):
    """Writes each line into all pipes when its time has come, first into the one, then into the other."""
    lines = list(head(file, count))
    start, step = time.monotonic_ns() + 100_000_000, 1_000_000_000 // rate
    orders = itertools.cycle([pipes, pipes[::-1]])
    for number, (line, order) in enumerate(zip(lines, orders, strict=False)):
        due = start + number * step
        while (wait := due - time.monotonic_ns()) > 0:
            time.sleep(wait / 1e9)
        late[0] = max(late[0], -wait)
        for pipe in order:
            pipe.written[number] = time.monotonic_ns()
            os.write(pipe.into, line)


def tee(tool, server, trades, folder, cores, rate, seconds, stall):
    """k2-load --tee and cat, side by side, get the same lines at the same time, while the server stands still for `stall` seconds."""
    server.start_over()
    count = rate * seconds
    spool = folder / "tee-spool"
    shutil.rmtree(spool, ignore_errors=True)
    pipes = [
        Pipe("k2-load --tee", [tool("k2-load"), "--tee", "--spool", spool], count, cores[1], server.environment),
        Pipe("cat", ["cat"], count, cores[1], {}),
    ]
    late = shared_numbers(1)

    def follow(pipe):
        for other in pipes:
            os.close(other.into)
        pipe.follow()

    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=follow, args=(pipe,)) for pipe in pipes]
    workers.append(fork.Process(target=write_paced, args=(trades, count, pipes, rate, late)))
    # They are the load, not what is measured: they share the server's core.
    with on_core(cores[0]):
        for worker in workers:
            worker.start()
    for pipe in pipes:
        pipe.process.stdin.close()
        pipe.process.stdout.close()
    time.sleep((seconds - stall) / 2)
    stand_still(server, stall)
    for worker in workers:
        worker.join()
    result = Tee(rate, seconds, stall, [pipe.end() for pipe in pipes], late[0])
    check_passed(server, pipes, trades, count)
    return result


@contextlib.contextmanager
def on_core(core):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stand_still(server, seconds):
    """Stalls the server, and makes sure that it does nothing meanwhile."""
    server.stall(seconds)
    # An insert comes every second.
    time.sleep(1.5)
    before = server.stats()["inserts"]
    time.sleep(max(0, seconds - 3))
    if server.stats()["inserts"] != before:
        sys.exit("bench: the server was to stand still, and inserted")


def check_passed(server, pipes, file, count):
    """All lines have to come out as they went in, and all rows have to be in ClickHouse."""
    digest = hashlib.sha256()
    for line in head(file, count):
        digest.update(line)
    for pipe in pipes:
        if pipe.digest.value != digest.hexdigest().encode():
            sys.exit(f"bench: {pipe.name} passed on something else than it got")
    rows = server.query(f"SELECT count() FROM {TABLE} FINAL")
    if rows != str(count):
        sys.exit(f"bench: {count} rows expected in ClickHouse after --tee, found {rows}")


# Report ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Loading:
    """All that was measured."""

    contest: list
    tee: Tee
    version: str


def targets(loading):
    ours, curl, python = loading.contest
    passed = loading.tee.passed[0]
    of_server = per_server_second(ours) / per_server_second(curl)
    return [
        ["load against curl, rows per CPU second of the server", f"{of_server:.1f} ×", "≥ 2 ×", verdict(of_server, 2, False)],
        ["load against Python, time", f"{ours.rate / python.rate:.1f} ×", "≥ 5 ×", verdict(ours.rate / python.rate, 5, False)],
        ["k2-load in memory", f"{ours.memory / MEBIBYTE:.0f} MiB", "< 128 MB", verdict(ours.memory, 128e6, True)],
        ["k2-load --tee, from line in to line out, p99", f"{passed.latency(0.99):.0f} µs", "< 1 ms", verdict(passed.latency(0.99), 1000, True)],
    ]


def section(loading):
    client_rows = [
        [c.name, f"{c.lines:,}", f"{c.seconds:.2f} s", f"{c.rate / 1000:,.0f} k rows/s", f"{middle(c, 'cpu'):.2f} s", f"{c.memory / MEBIBYTE:.0f} MiB"]
        for c in loading.contest
    ]
    server_rows = [
        [
            c.name, f"{middle(c, 'server_cpu'):.2f} s", f"{per_server_second(c, 'server_cpu') / 1000:,.0f} k", f"{middle(c, 'settled_cpu'):.2f} s",
            f"{per_server_second(c) / 1000:,.0f} k", f"{most(c, 'server_memory') / MEBIBYTE:.0f} MiB", f"{most(c, 'server_growth') / MEBIBYTE:.0f} MiB",
        ]
        for c in loading.contest
    ]  # fmt: skip
    tee = loading.tee
    tee_rows = [
        [p.name, f"{len(p.latencies):,}", f"{p.latency(0.5):.0f} µs", f"{p.latency(0.99):.0f} µs", f"{p.latency(1) / 1000:.1f} ms",
         f"{p.cpu / tee.seconds:.1%}", f"{p.memory / MEBIBYTE:.0f} MiB"]
        for p in tee.passed
    ]  # fmt: skip
    beyond = [ours - theirs for ours, theirs in zip(*(p.latencies for p in tee.passed), strict=True)]
    tee_rows.append(
        ["the former beyond the latter, by line", f"{len(beyond):,}", *(f"{quantile(beyond, part) / 1000:.0f} µs" for part in (0.5, 0.99)),
         f"{max(beyond) / 1e6:.1f} ms", "", ""]
    )  # fmt: skip
    return f"""## Load: `trade` → ClickHouse

{table(["program", "rows", "median", "rate", "CPU of the program", "largest resident set"], client_rows)}

{table(["the server's side", "CPU", "rows per CPU second", "CPU with merges", "rows per CPU second", "largest resident set", "of it in a run"], server_rows)}

The engine is that of ClickHouse {loading.version} behind `scripts/dev/clickhouse-server`, on the other core; the table is emptied before each run, and the
run ends when the program does. CPU with merges is counted until the server has merged the parts, and is what the target compares. The run checks that all three
leave the same table: number of rows, sums, and a hash over all columns. `curl` posts the file in one request, which costs the server less CPU than requests of
100,000 rows do, and holds the file in memory. The Python program (`bench/peers/load_client.py`: orjson, clickhouse-connect) sends 100,000 rows at once. Neither
keeps anything for a server that is away.

{table([f"`--tee` at {tee.rate:,} lines/s", "lines", "p50", "p99", "slowest", "share of a core", "largest resident set"], tee_rows)}

From before a line is written into the program to the moment when a reader has it, over {tee.seconds} s, with the server standing still for {tee.stall} s in the
middle. Both programs get each line at the same time, on one core; the writer and the readers share the server's. `cat` shows what the machine itself
adds; the writer was {tee.late / 1e6:.1f} ms behind its clock at worst. At the end all rows are in ClickHouse."""


def raw_numbers(loading):
    def all_of(contestant, name):
        return ", ".join(f"{getattr(sample, name):.4f}" for sample in contestant.samples)

    names = ("seconds", "cpu", "server_cpu", "settled_cpu")
    rows = [[c.name, *(all_of(c, name) for name in names)] for c in loading.contest]
    header = ["program", "seconds of each run", "CPU seconds of each run", "the server's CPU seconds", "the server's CPU seconds with merges"]
    return f"**Load**\n\n{table(header, rows)}"


def measure(tool, cores, trades, count, folder, rounds=5, rate=5_000, seconds=20, stall=10):
    """`cores`: the server's, and the one of the programs that are measured."""
    with Server(tool, cores[0]) as server:
        contest = contestants(tool, server, trades, count, folder)
        compete(server, contest, rounds, cores[1])
        seconds = min(seconds, count // rate)
        passed = tee(tool, server, trades, folder, cores, rate, seconds, min(stall, seconds // 2))
        return Loading(contest, passed, server.version)


def main():
    trades = pathlib.Path(sys.argv[1])
    rounds, seconds = (int(given) if given else usual for given, usual in itertools.zip_longest(sys.argv[2:4], (1, 20)))
    binaries = pathlib.Path(os.environ.get("K2_BIN", "."))
    with open(trades, "rb") as file:
        count = sum(1 for _ in file)
    with tempfile.TemporaryDirectory() as folder:
        loading = measure(lambda name: str(binaries / name), (0, 1), trades, count, pathlib.Path(folder), rounds=rounds, seconds=seconds)
    print(f"{table(['', 'measured', 'target', ''], targets(loading))}\n\n{section(loading)}\n\n{raw_numbers(loading)}")


if __name__ == "__main__":
    main()
