"""Measures loading into ClickHouse: k2-load beside curl and a Python program, and the lines that `k2-load --tee` passes on.

    K2_BIN=.build/release python bench/load.py trades.ndjson [rounds [seconds]]

Runs one contest by itself; scripts/bench runs it with the others.
"""

import dataclasses
import pathlib
import shutil
import statistics
import sys
import urllib.parse

import alone
import passing
from markdown import MEBIBYTE, table, verdict
from measure import Contestant, Sample, run
from server import DATABASE, TABLE, Server

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
# What makes ClickHouse read the records as they are.
CURL_SETTINGS = {"date_time_input_format": "best_effort", "input_format_skip_unknown_fields": "1"}
SUMS = f"SELECT count(), sum(price), sum(quote_volume), sum(cityHash64(formatRow('TabSeparated', * EXCEPT loaded_at))) FROM {TABLE}"


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


# Report ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Loading:
    """All that was measured."""

    contest: list
    tee: passing.Tee
    version: str


def targets(loading):
    ours, curl, python = loading.contest
    added = loading.tee.added(0.99)
    until_loaded = per_server_second(ours, "server_cpu") / per_server_second(curl, "server_cpu")
    with_merges = per_server_second(ours) / per_server_second(curl)
    return [
        ["load against curl, rows per CPU second of the server", f"{until_loaded:.1f} ×", "≥ 2 ×", verdict(until_loaded, 2, False)],
        ["the same with the merges that follow", f"{with_merges:.2f} ×", "≥ 2 ×", verdict(with_merges, 2, False)],
        ["load against Python, time", f"{ours.rate / python.rate:.1f} ×", "≥ 5 ×", verdict(ours.rate / python.rate, 5, False)],
        ["k2-load in memory", f"{ours.memory / MEBIBYTE:.0f} MiB", "< 128 MB", verdict(ours.memory, 128e6, True)],
        ["k2-load --tee, added to a line beyond cat, p99", f"{added:.0f} µs", "< 1 ms", verdict(added, 1000, True)],
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
    return f"""## Load: `trade` → ClickHouse

{table(["program", "rows", "median", "rate", "CPU of the program", "largest resident set"], client_rows)}

{table(["the server's side", "CPU", "rows per CPU second", "CPU with merges", "rows per CPU second", "largest resident set", "of it in a run"], server_rows)}

The engine is that of ClickHouse {loading.version} behind `scripts/dev/clickhouse-server`, on the other core; the table is emptied before each run, and the
run ends when the program does. CPU with merges is counted until the server has merged the parts. The run checks that all three
leave the same table: number of rows, sums, and a hash over all columns. `curl` posts the file in one request, which costs the server less CPU than requests of
100,000 rows do, and holds the file in memory. The Python program (`bench/peers/load_client.py`: orjson, clickhouse-connect) sends 100,000 rows at once. Neither
keeps anything for a server that is away.

{passing.section(loading.tee)}"""


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
        passed = passing.measure(tool, server, trades, folder, cores, rate, seconds, min(stall, seconds // 2))
        return Loading(contest, passed, server.version)


def main():
    trades, count, rounds = alone.given_trades()
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    alone.report(lambda tool, folder: measure(tool, (0, 1), trades, count, folder, rounds=rounds, seconds=seconds), targets=targets, section=section, raw_numbers=raw_numbers)


if __name__ == "__main__":
    main()
