"""Measures offloading from ClickHouse into a lake: k2-offload beside a script of clickhouse-connect and pyiceberg.

    K2_BIN=.build/release python bench/offload.py trades.ndjson [rounds]

Two cases: what came in a quarter of an hour, in all tables, into lakes that have an earlier load; and a large first load of trades.
Runs them by itself; scripts/bench runs them with the other contests.
"""

import dataclasses
import datetime
import decimal
import json
import os
import pathlib
import shutil
import subprocess
import sys

import alone
from load import middle
from markdown import MEBIBYTE, table, verdict
from measure import Contestant, Sample, run
from places import Local, ObjectStore, pyiceberg
from server import DATABASE, TABLE, Server

FOLDER = pathlib.Path(__file__).resolve().parent
CLIENT, LAKES = FOLDER / "peers/offload_client.py", FOLDER / "lakes.py"
EXCHANGES = ("binance", "kraken", "coinbase")
INTERVALS = ("1m", "5m", "15m", "30m", "1h", "1d")
TABLES = [*(f"bronze_trades_{exchange}" for exchange in EXCHANGES), "silver_trades", *(f"gold_ohlcv_{i}" for i in INTERVALS), "feed_gaps"]
# Of each exchange in a quarter of an hour: with bronze, candles and gaps these become 30,000 rows.
QUARTER_TRADES = 4_860
QUARTER = datetime.timedelta(minutes=15)
FIRST_DAY = datetime.datetime(2026, 3, 1)
# The large load is so many times the input, with ids so far apart.
COPIES, SHIFT = 5, 10_000_000
# At most: the script takes its time.
BULK_ROUNDS = 3


@dataclasses.dataclass
class OffloadSample(Sample):
    # CPU seconds of ClickHouse meanwhile.
    server_cpu: float


# Rows -----------------------------------------------------------------------------------------------------


def stream(tool, file, start, span, trades, seed):
    """Records of all kinds: trades of three exchanges from `start` on, over a time `span`, with their bronze, gaps and candles."""
    rate = max(1, round(trades / span.total_seconds()))
    recordings = []
    for exchange in EXCHANGES:
        recording = file.with_suffix(f".{exchange}")
        command = [tool("k2-sim"), "record", exchange, "--trades", str(trades), "--seed", str(seed), "--rate", str(rate), "--faults", "gap"]
        command += ["--start", f"{start.isoformat()}Z", "--first-id", str(seed * 10_000_000)]
        with open(recording, "wb") as out:
            subprocess.run(command, check=True, stdout=out)
        recordings.append(recording)
    with open(file, "wb") as out:
        feed = subprocess.Popen([tool("k2-feed"), "replay", *recordings, "--speed", "max"], stdout=subprocess.PIPE)
        normalize = subprocess.Popen([tool("k2-normalize"), "--bronze"], stdin=feed.stdout, stdout=subprocess.PIPE)
        candles = subprocess.Popen([tool("k2-ohlcv"), "--tee"], stdin=normalize.stdout, stdout=out)
        feed.stdout.close()
        normalize.stdout.close()
        statuses = [process.wait() for process in (feed, normalize, candles)]
    assert statuses == [0, 0, 0], statuses
    for recording in recordings:
        recording.unlink()
    with open(file, "rb") as lines:
        return sum(1 for _ in lines)


def load(tool, server, file, folder):
    spool = folder / "offload-spool"
    with open(file, "rb") as lines:
        subprocess.run([tool("k2-load"), "--spool", spool], check=True, stdin=lines, stderr=subprocess.DEVNULL, env=os.environ | server.environment)
    shutil.rmtree(spool, ignore_errors=True)


def age(server):
    """As if all rows that are there had come a day earlier than they did, at least: no run looks back so far."""
    for name in TABLES:
        server.query(
            f"ALTER TABLE {warm(name)} UPDATE loaded_at = loaded_at - INTERVAL 1 DAY WHERE loaded_at > now64(6) - INTERVAL 12 HOUR SETTINGS mutations_sync = 2"
        )


def multiply(server, copies):
    """Copies of all trades, each a day and some ids earlier than the one before, and loaded an hour earlier."""
    columns = server.query(f"SELECT name FROM system.columns WHERE database = '{DATABASE}' AND table = '{TABLE}' ORDER BY position").splitlines()
    for number in range(1, copies):
        sequence = f"assumeNotNull(t.source_sequence) - {number} * {SHIFT}"
        changed = {
            "source_sequence": sequence,
            "trade_id": f"concat(upper(t.exchange), '-', toString({sequence}))",
            "message_id": f"reinterpret(sipHash128(t.message_id, {number}), 'UUID')",
            "timestamp": f"t.timestamp - INTERVAL {number} DAY",
            "ingestion_timestamp": f"t.ingestion_timestamp - INTERVAL {number} DAY",
            "loaded_at": f"t.loaded_at - INTERVAL {number} HOUR",
        }
        values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
        originals = f"(SELECT * FROM {TABLE} WHERE loaded_at > now64(6) - INTERVAL 30 MINUTE)"
        server.query(f"INSERT INTO {TABLE} ({', '.join(columns)}) SELECT {values} FROM {originals} AS t")
    server.settle()


def warm(name):
    return name.removeprefix("gold_")


# Lakes ----------------------------------------------------------------------------------------------------


def lakes(place, *arguments):
    command = [sys.executable, LAKES, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | pyiceberg(place), text=True).stdout


def warm_sums(server, name, decimals):
    """Number of rows and sums as ClickHouse has them."""
    sums = ", ".join(["count()", *(f"sum({column})" for column in decimals)])
    return [decimal.Decimal(value) for value in server.query(f"SELECT {sums} FROM {warm(name)} FINAL").split("\t")]


def check(server, places, tables):
    """All lakes hold the same rows, and as many as ClickHouse with the same sums."""
    found = {
        f"{whose} in {place.name}": json.loads(lakes(place, "sums", catalog, *tables))
        for place in places
        for whose, catalog in (("k2-offload", "k2"), ("the script", "default"))
    }
    (first, wanted), *others = found.items()
    for name in tables:
        of_lake = [decimal.Decimal(value) for value in (wanted[name]["count"], *wanted[name]["decimals"].values())]
        if (of_server := warm_sums(server, name, wanted[name]["decimals"])) != of_lake:
            sys.exit(f"bench: {name}: ClickHouse has {list(map(str, of_server))}, {first} {list(map(str, of_lake))}")
        for other, sums in others:
            if sums[name] != wanted[name]:
                sys.exit(f"bench: {name} differs:\n{first}: {wanted[name]}\n{other}: {sums[name]}")
    return sum(sums["count"] for sums in wanted.values())


def ours(tool, server, place, rows, tables=None, prepare=None):
    command = [tool("k2-offload"), "run", "--safety-lag", "0s", *(["--tables", ",".join(tables)] if tables else [])]
    return Contestant(f"k2-offload: {place.name}", command, None, rows, server.environment | place.environment, prepare)


def script(server, place, rows, tables=TABLES, prepare=None):
    watermarks = place.folder / "script-watermarks.json"
    watermarks.unlink(missing_ok=True)

    def begin():
        watermarks.unlink(missing_ok=True)
        prepare()

    command = [sys.executable, CLIENT, "127.0.0.1", server.port, DATABASE, watermarks, *tables]
    return Contestant(f"pyiceberg: {place.name}", command, None, rows, pyiceberg(place), begin if prepare else None)


def measured(server, contestant, core):
    before = server.stats()["cpu_seconds"]
    sample = run(contestant, core)
    return OffloadSample(*dataclasses.astuple(sample), server_cpu=server.stats()["cpu_seconds"] - before)


# Contests -------------------------------------------------------------------------------------------------


def say(text):
    print(f"offload: {text}", file=sys.stderr, flush=True)


def quarter(tool, cores, trades, rounds, folder):
    """Round by round: a quarter of an hour of rows comes, and each contestant brings them into its lake."""
    with Server(tool, cores[0]) as server, ObjectStore(folder / "offload-objects", cores[0]) as objects:
        places = [Local(folder / "offload-quarter"), objects]
        file = folder / "quarter.ndjson"
        say("the earlier load")
        stream(tool, file, FIRST_DAY, datetime.timedelta(days=1), trades // len(EXCHANGES), seed=1)
        load(tool, server, file, folder)
        contest = []
        for place in places:
            run(ours(tool, server, place, 0), cores[1])
            lakes(place, "copy")
            contest += [ours(tool, server, place, 0), script(server, place, 0)]
            run(contest[-1], cores[1])
        earlier = check(server, places, TABLES)
        for number in range(rounds + 1):
            start = FIRST_DAY + datetime.timedelta(days=7 + number, hours=12)
            rows = stream(tool, file, start, QUARTER, QUARTER_TRADES, seed=2 + number)
            # Of what came before, the lakes' last run is a quarter of an hour ago at least.
            age(server)
            load(tool, server, file, folder)
            server.settle()
            say(f"{rows} rows, round {number} of {rounds}")
            for contestant in contest:
                contestant.lines = rows
                sample = measured(server, contestant, cores[1])
                if number > 0:  # the first brings files into the cache; not counted
                    contestant.samples.append(sample)
            total = check(server, places, TABLES)
        file.unlink()
        return contest, earlier, total


def bulk(tool, cores, trades, count, rounds, folder):
    """A first load of trades into an empty lake on local disk."""
    names = [TABLE]
    with Server(tool, cores[0]) as server:
        place = Local(folder / "offload-bulk")
        rows = count * COPIES
        say(f"{rows} trades into ClickHouse")
        load(tool, server, trades, folder)
        multiply(server, COPIES)

        def empty():
            place.clear("script")
            lakes(place, "copy")

        contest = [ours(tool, server, place, rows, names, lambda: place.clear("ours")), script(server, place, rows, names, empty)]
        for number in range(rounds):
            say(f"{rows} trades, round {number + 1} of {rounds}")
            for contestant in contest:
                contestant.samples.append(measured(server, contestant, cores[1]))
            found = check(server, [place], names)
            if found != rows:
                sys.exit(f"bench: {rows} rows expected, found {found}")
        sizes = {"k2-offload": place.size("ours"), "pyiceberg": place.size("script")}
        shutil.rmtree(place.folder)
        return contest, sizes, server.version


# Report ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Offloading:
    """All that was measured."""

    quarter: list
    # Rows of all tables in each lake: before the first round, and after the last.
    earlier: int
    total: int
    bulk: list
    sizes: dict
    version: str


def targets(offloading):
    local, _, remote, _ = offloading.quarter
    bulk, peer = offloading.bulk
    rate, memory = bulk.rate / peer.rate, bulk.memory / peer.memory
    return [
        ["offload of 15 minutes, eleven tables, SQLite and local disk", f"{local.seconds:.2f} s", "< 2 s", verdict(local.seconds, 2, True)],
        ["offload of 15 minutes, eleven tables, REST and S3", f"{remote.seconds:.2f} s", "< 4 s", verdict(remote.seconds, 4, True)],
        ["large first offload against pyiceberg, rows per second", f"{rate:.1f} ×", "≥ 2 ×", verdict(rate, 2, False)],
        ["large first offload against pyiceberg, memory", f"{memory:.2f}", "≤ 0.25", verdict(memory, 0.25, True)],
        ["large first offload, memory", f"{bulk.memory / MEBIBYTE:.0f} MiB", "< 512 MB", verdict(bulk.memory, 512e6, True)],
    ]


def section(offloading):
    quarter_rows = [
        [c.name, f"{c.lines:,}", f"{c.seconds:.2f} s", f"{middle(c, 'cpu'):.2f} s", f"{middle(c, 'server_cpu'):.2f} s", f"{c.memory / MEBIBYTE:.0f} MiB"]
        for c in offloading.quarter
    ]
    bulk_rows = [
        [
            c.name, f"{c.lines:,}", f"{c.seconds:.2f} s", f"{c.rate / 1000:,.0f} k rows/s", f"{middle(c, 'cpu'):.2f} s", f"{middle(c, 'server_cpu'):.2f} s",
            f"{c.memory / MEBIBYTE:.0f} MiB", f"{size / c.lines:.1f}", files,
        ]
        for c, (size, files) in zip(offloading.bulk, offloading.sizes.values())
    ]  # fmt: skip
    cpu = ["CPU of the program", "CPU of ClickHouse", "largest resident set"]
    return f"""## Offload: ClickHouse → Iceberg

{table(["what came in 15 minutes", "rows", "median", *cpu], quarter_rows)}

{table(["a large first load", "rows", "median", "rate", *cpu, "bytes a row", "files"], bulk_rows)}

The engine is that of ClickHouse {offloading.version} behind `scripts/dev/clickhouse-server`, the S3 store and the REST catalog are those of
`scripts/dev/seaweedfs`; both run on the other core. The quarter of an hour is trades of three exchanges with their bronze, candles and gaps, rows in all
eleven tables; the lakes have {offloading.earlier:,} rows from before, {offloading.total:,} after the last run. The large load is of `silver_trades`
alone, into an empty lake on local disk. Times are of whole processes, Python's start included; `k2-offload` runs with `--safety-lag 0s`. After each round, all lakes hold the
same rows: number, sums of the decimals, and a hash over all columns, and ClickHouse has the same number and sums.

The script (`bench/peers/offload_client.py`: clickhouse-connect, pyarrow, pyiceberg) reads what is newer than its watermark as Arrow and appends it to tables of
the same columns, partitions and properties, one after the other. It sorts nothing, holds all that is new in memory, and knows no rows that came late, twice,
or that a killed run had committed."""


def raw_numbers(offloading):
    def all_of(contestant, name):
        return ", ".join(f"{getattr(sample, name):.4f}" for sample in contestant.samples)

    rows = [
        [f"{kind}, {c.name}", *(all_of(c, name) for name in ("seconds", "cpu", "server_cpu"))]
        for kind, contest in (("quarter", offloading.quarter), ("large", offloading.bulk))
        for c in contest
    ]
    return f"**Offload**\n\n{table(['program', 'seconds of each run', 'CPU seconds of each run', 'ClickHouse CPU seconds'], rows)}"


def measure(tool, cores, trades, count, folder, rounds=5):
    """`cores`: the servers', and the one of the programs that are measured."""
    contest, earlier, total = quarter(tool, cores, count, rounds, folder)
    large, sizes, version = bulk(tool, cores, trades, count, min(rounds, BULK_ROUNDS), folder)
    return Offloading(contest, earlier, total, large, sizes, version)


def main():
    trades, count, rounds = alone.given_trades()
    alone.report(lambda tool, folder: measure(tool, (0, 1), trades, count, folder, rounds), targets=targets, section=section, raw_numbers=raw_numbers)


if __name__ == "__main__":
    main()
