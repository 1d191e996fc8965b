"""Measures `k2-maintain audit`: millions of trades of a lake held against ClickHouse, in every column.

    K2_BIN=.build/release python bench/audit.py trades.ndjson [rounds]

Two contests: a lake that equals ClickHouse, and one in which one value of one row differs, which costs a look at the rows of its hour. Runs them by itself;
scripts/bench runs them with the other contests.
"""

import dataclasses
import os
import shutil
import subprocess
import sys

import alone
from load import middle
from markdown import MEBIBYTE, table, verdict
from measure import Contestant
from offload import COPIES, load, measured, multiply
from places import Local
from server import TABLE, Server

TARGET_SECONDS = 10


def say(text):
    print(f"audit: {text}", file=sys.stderr, flush=True)


def contestant(tool, server, place, rows, name, status):
    """`status`: what the audit must come to."""
    command = [tool("k2-maintain"), "audit", "--tables", TABLE, "--full", "--lookback", "0s"]
    # The audit's own status is the result; any other is a failure of the run.
    shell = ["sh", "-c", f'"$@"; test $? = {status}', "sh", *command]
    return Contestant(name, shell, None, rows, server.environment | place.environment)


def change(server, number):
    """Another value in one row of ClickHouse, a row that no earlier call changed."""
    where = f"source_sequence = (SELECT max(source_sequence) - {number} FROM {TABLE})"
    server.query(f"ALTER TABLE {TABLE} UPDATE price = price + 1 WHERE {where} SETTINGS mutations_sync = 2")
    server.settle()


@dataclasses.dataclass
class Auditing:
    """All that was measured."""

    contest: list
    version: str
    # Hours of the trades.
    hours: int


def measure(tool, cores, trades, count, folder, rounds=5):
    """`cores`: the server's, and the one of the program that is measured."""
    with Server(tool, cores[0]) as server:
        place = Local(folder / "audit-lake")
        rows = count * COPIES
        say(f"{rows} trades into ClickHouse and the lake")
        load(tool, server, trades, folder)
        multiply(server, COPIES)
        offload = [tool("k2-offload"), "run", "--safety-lag", "0s", "--tables", TABLE]
        subprocess.run(offload, check=True, stderr=subprocess.DEVNULL, env=os.environ | server.environment | place.environment)
        contest = [contestant(tool, server, place, rows, "equal", 0), contestant(tool, server, place, rows, "one value differs", 3)]
        for one in contest:
            if one is contest[1]:
                change(server, 1)
            for number in range(rounds + 1):
                say(f"{one.name}, round {number} of {rounds}")
                sample = measured(server, one, cores[1])
                if number > 0:  # the first brings files into the cache; not counted
                    one.samples.append(sample)
        hours = int(server.query(f"SELECT uniqExact(toStartOfHour(timestamp)) FROM {TABLE}"))
        shutil.rmtree(place.folder)
        return Auditing(contest, server.version, hours)


def targets(auditing):
    equal, differs = auditing.contest
    return [
        [f"audit of {equal.lines:,} trades, every column", f"{equal.seconds:.2f} s", f"< {TARGET_SECONDS} s", verdict(equal.seconds, TARGET_SECONDS, True)],
        ["the same when a value differs", f"{differs.seconds:.2f} s", f"< {TARGET_SECONDS} s", verdict(differs.seconds, TARGET_SECONDS, True)],
    ]


def section(auditing):
    rows = [
        [c.name, f"{c.lines:,}", f"{c.seconds:.2f} s", f"{c.rate / 1e6:.1f} M rows/s", f"{middle(c, 'cpu'):.2f} s", f"{middle(c, 'server_cpu'):.2f} s", f"{c.memory / MEBIBYTE:.0f} MiB"]
        for c in auditing.contest
    ]  # fmt: skip
    header = ["the lake and ClickHouse", "rows", "median", "rate", "CPU of the program", "CPU of ClickHouse", "largest resident set"]
    return f"""## Audit: the lake against ClickHouse

{table(header, rows)}

`k2-maintain audit --full` of `silver_trades`: number, sums, bounds and a hash over all nineteen columns for each of {auditing.hours} hours, once computed by
ClickHouse {auditing.version} with `FINAL`, once from the data files, which are held against their manifests as well. Both sides work at the same time, the server
on the other core. Where a value differs, the rows of its hour are compared one by one and the row is shown. Times are of whole processes."""


def raw_numbers(auditing):
    def all_of(contestant, name):
        return ", ".join(f"{getattr(sample, name):.4f}" for sample in contestant.samples)

    rows = [[c.name, *(all_of(c, name) for name in ("seconds", "cpu", "server_cpu"))] for c in auditing.contest]
    return f"**Audit**\n\n{table(['the lake and ClickHouse', 'seconds of each run', 'CPU seconds of each run', 'ClickHouse CPU seconds'], rows)}"


def main():
    trades, count, rounds = alone.given_trades()
    alone.report(lambda tool, folder: measure(tool, (0, 1), trades, count, folder, rounds), targets=targets, section=section, raw_numbers=raw_numbers)


if __name__ == "__main__":
    main()
