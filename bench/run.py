"""Measures the tools beside their peers and writes docs/performance.md. Run it through scripts/bench."""

import argparse
import datetime
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import audit  # noqa: E402
import compact  # noqa: E402
import live  # noqa: E402
import load  # noqa: E402
import maintain  # noqa: E402
import offload  # noqa: E402
from markdown import MEBIBYTE, seconds, table, verdict, with_raw_numbers, with_section, with_targets  # noqa: E402
from measure import Contestant, compete, run  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers"
FOLDER = ROOT / ".bench"


def tool(name):
    return str(pathlib.Path(os.environ.get("K2_BIN", ROOT / ".build/release")) / name)


def output_of(command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


# Inputs ---------------------------------------------------------------------------------------------------


def make(file, command, stdin=None):
    """Writes a file with the output of a command, aside and then renamed."""
    aside = file.with_suffix(".part")
    with open(aside, "wb") as out:
        subprocess.run(command, check=True, stdin=open(stdin, "rb") if stdin else None, stdout=out)
    aside.rename(file)
    return file


def head(source, lines, target):
    with open(source, "rb") as whole, open(target, "wb") as part:
        for _, line in zip(range(lines), whole):
            part.write(line)
    return target


def hundred_symbols(source, target):
    """The same trades spread over nine times as many symbols, for the memory of many open candles."""
    with open(source, "rb") as whole, open(target, "wb") as spread:
        for number, line in enumerate(whole):
            tag = b"%d" % (number % 9)
            line = re.sub(rb'("symbol":")', rb"\g<1>X" + tag, line, count=1)
            spread.write(re.sub(rb'("canonical_symbol":")', rb"\g<1>X" + tag, line, count=1))
    return target


class Inputs:
    def __init__(self, trades, spread=True):
        FOLDER.mkdir(exist_ok=True)
        self.count = trades
        print(f"making inputs: {trades} Binance trades", file=sys.stderr)
        self.raw = make(FOLDER / "raw.ndjson", [tool("k2-sim"), "record", "binance", "--trades", str(trades), "--seed", "1", "--format", "raw"])
        everything = make(FOLDER / "normalized.ndjson", [tool("k2-normalize")], self.raw)
        with open(everything, "rb") as lines:
            others = sum(not line.startswith(b'{"kind":"trade"') for line in lines)
        assert others == 0, f"{others} lines of the normalized input are no trades"
        self.trades = everything
        self.spread = hundred_symbols(self.trades, FOLDER / "trades-100.ndjson") if spread else None
        self.empty = FOLDER / "empty.ndjson"
        self.empty.write_bytes(b"")


def check_same_record(inputs, lines):
    """The Python program must write what the tool writes, to the byte; else comparing them says nothing."""
    part = head(inputs.raw, lines, FOLDER / "check.ndjson")
    ours = output_of([tool("k2-normalize")], stdin=open(part, "rb"))
    theirs = output_of([sys.executable, PEERS / "normalize.py"], stdin=open(part, "rb"))
    if hashlib.sha256(ours).digest() != hashlib.sha256(theirs).digest():
        for number, (a, b) in enumerate(zip(ours.splitlines(), theirs.splitlines()), 1):
            if a != b:
                sys.exit(f"bench: records differ at line {number}:\n{a.decode()}\n{b.decode()}")
        sys.exit(f"bench: {len(ours.splitlines())} records against {len(theirs.splitlines())}")
    print(f"same bytes from k2-normalize and the Python program over {lines} lines", file=sys.stderr)


# Contests -------------------------------------------------------------------------------------------------


def duckdb(name, sql, inputs, **values):
    columns = (PEERS / "trade_columns.sql").read_text()
    assignments = [f"columns={columns}", f"input={inputs.trades}", *(f"{k}={v}" for k, v in values.items())]
    return Contestant(
        name, [sys.executable, PEERS / "duckdb_run.py", PEERS / sql, *assignments], lines=inputs.count, times_itself=True
    )


def normalize_contest(inputs, jq_lines, python_lines):
    jq_input = head(inputs.raw, jq_lines, FOLDER / "raw-jq.ndjson")
    python_input = head(inputs.raw, python_lines, FOLDER / "raw-python.ndjson")
    return [
        Contestant("k2-normalize", [tool("k2-normalize")], inputs.raw, inputs.count),
        Contestant("jq", ["jq", "-c", "-f", PEERS / "normalize.jq"], jq_input, jq_lines),
        Contestant("python", [sys.executable, PEERS / "normalize.py"], python_input, python_lines),
    ]


def ohlcv_contest(inputs):
    return [
        Contestant("k2-ohlcv, six intervals", [tool("k2-ohlcv")], inputs.trades, inputs.count),
        duckdb("DuckDB, one interval", "ohlcv.sql", inputs),
    ]


def lake_contest(inputs):
    lake = FOLDER / "lake"
    environment = {"K2_WAREHOUSE": f"file:{lake / 'warehouse'}", "K2_CATALOG": f"sqlite:{lake / 'k2.db'}", "K2_STATE": f"sqlite:{lake / 'k2.db'}"}

    def fresh():
        shutil.rmtree(lake, ignore_errors=True)
        lake.mkdir()

    order = " ORDER BY canonical_symbol, timestamp"
    return [
        Contestant("k2-offload", [tool("k2-offload"), "run", "--from", "-"], inputs.trades, inputs.count, environment, fresh),
        duckdb("DuckDB, sorted", "lake.sql", inputs, output=FOLDER / "sorted.parquet", order=order),
        duckdb("DuckDB, unsorted", "lake.sql", inputs, output=FOLDER / "unsorted.parquet", order=""),
    ]


def lake_sizes():
    return {
        "k2-offload": sum(file.stat().st_size for file in (FOLDER / "lake/warehouse").rglob("*.parquet")),
        "DuckDB, sorted": (FOLDER / "sorted.parquet").stat().st_size,
        "DuckDB, unsorted": (FOLDER / "unsorted.parquet").stat().st_size,
    }


def start_contest(inputs):
    lake = FOLDER / "empty-lake"
    lake.mkdir(exist_ok=True)
    environment = {"K2_WAREHOUSE": f"file:{lake / 'warehouse'}", "K2_CATALOG": f"sqlite:{lake / 'k2.db'}", "K2_STATE": f"sqlite:{lake / 'k2.db'}"}
    return [
        Contestant("k2-feed replay", [tool("k2-feed"), "replay", "-"], inputs.empty),
        Contestant("k2-normalize", [tool("k2-normalize")], inputs.empty),
        Contestant("k2-ohlcv", [tool("k2-ohlcv")], inputs.empty),
        Contestant("k2-offload run --from -", [tool("k2-offload"), "run", "--from", "-"], inputs.empty, environment=environment),
        Contestant("k2-sim record", [tool("k2-sim"), "record", "binance", "--trades", "1"]),
    ]


def memory_contest(inputs):
    return [
        Contestant("k2-sim record", [tool("k2-sim"), "record", "binance", "--trades", str(inputs.count)], lines=inputs.count),
        Contestant("k2-feed replay", [tool("k2-feed"), "replay", str(inputs.raw), "--speed", "max"], lines=inputs.count),
        Contestant("k2-normalize", [tool("k2-normalize")], inputs.raw, inputs.count),
        Contestant("k2-normalize --bronze", [tool("k2-normalize"), "--bronze"], inputs.raw, inputs.count),
        Contestant("k2-ohlcv", [tool("k2-ohlcv")], inputs.trades, inputs.count),
        Contestant("k2-ohlcv, 108 symbols", [tool("k2-ohlcv")], inputs.spread, inputs.count),
    ]


# Report ---------------------------------------------------------------------------------------------------


def contest_rows(contestants):
    return [
        [c.name, f"{c.lines:,}", seconds(c.seconds), f"{c.rate / 1000:,.0f} k lines/s", f"{c.memory / MEBIBYTE:.0f} MiB"] for c in contestants
    ]


def raw_numbers(title, contestants):
    rows = [[c.name, ", ".join(f"{s.seconds:.4f}" for s in c.samples), ", ".join(f"{s.cpu:.4f}" for s in c.samples)] for c in contestants]
    return f"**{title}**\n\n" + table(["program", "seconds of each run", "CPU seconds of each run"], rows)


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    swift = output_of(["swift", "--version"], stderr=subprocess.DEVNULL, text=True).splitlines()[0]
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME")), platform.system())
    jq = output_of(["jq", "--version"], text=True).strip()
    import clickhouse_connect
    import duckdb as duckdb_module
    import orjson
    import pyarrow
    import pyiceberg

    modules = {"orjson": orjson, "clickhouse-connect": clickhouse_connect, "pyarrow": pyarrow, "pyiceberg": pyiceberg}
    python = f"Python {platform.python_version()} with {', '.join(f'{name} {module.__version__}' for name, module in modules.items())}"
    return [
        ["date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")],
        ["processor", f"{cpu}, {os.cpu_count()} cores, each program on one"],
        ["system", f"{system}, Linux {platform.release()}"],
        ["compiler", f"{swift}, release build"],
        ["peers", f"{jq}, {python}, DuckDB {duckdb_module.__version__} on one thread"],
    ]


def live_targets(steady, fastest):
    ours, most = steady[0], fastest[0]
    return [
        ["live capture at 5,000 messages/s, share of a core", f"{ours.share:.1%}", "< 10 %", verdict(ours.share, 0.10, True)],
        ["live capture at 5,000 messages/s, memory", f"{ours.memory / MEBIBYTE:.0f} MiB", "< 64 MB", verdict(ours.memory, 64e6, True)],
        ["live capture, receipt to line on stdout, p50", f"{ours.latency(0.5)} µs", "< 100 µs", verdict(ours.latency(0.5), 100, True)],
        ["live capture, receipt to line on stdout, p99", f"{ours.latency(0.99)} µs", "< 1 ms", verdict(ours.latency(0.99), 1000, True)],
        ["live capture, most on one core", f"{most.rate / 1000:,.0f} k messages/s", "≥ 100 k", verdict(most.rate, 100_000, False)],
    ]


def live_section(steady, fastest):
    steady_rows = [
        [s.name, f"{s.messages:,}", f"{s.share:.1%}", f"{s.memory / MEBIBYTE:.0f} MiB", f"{s.latency(0.5)} µs", f"{s.latency(0.99)} µs", f"{s.latency(1)} µs"]
        for s in steady
    ]
    fastest_rows = [[f.name, f"{f.messages:,}", f"{f.rate / 1000:,.0f} k messages/s", ", ".join(f"{r / 1000:,.0f} k" for r in f.samples)] for f in fastest]
    return f"""## Live capture

{table(["at 5,000 messages/s", "messages", "share of a core", "largest resident set", "p50", "p99", "slowest"], steady_rows)}

{table(["as fast as it goes", "messages", "median", "each run"], fastest_rows)}

`k2-sim serve binance` on the other core feeds both over loopback. The Python program (`bench/peers/live_client.py`, on `websockets`) prints the same
lines and keeps no account of ids. Latencies are from `received_at` in the record to the moment when the reader of stdout has it; the reader shares the
exchange's core. The highest rate is taken with stdout to `/dev/null`."""


def report(inputs, normalize, ohlcv, lake, sizes, start, memory, loaders, steady, fastest, loading, offloading, auditing, maintaining, compacting, rounds):
    ours, jq, python = normalize
    into_lake, duck_sorted, duck_unsorted = lake
    per_line = os.path.getsize(inputs.raw) / inputs.count
    targets = [
        ["normalize against jq, per line", f"{ours.rate / jq.rate:.1f} ×", "≥ 20 ×", verdict(ours.rate / jq.rate, 20, False)],
        ["normalize against Python, per line", f"{ours.rate / python.rate:.1f} ×", "≥ 4 ×", verdict(ours.rate / python.rate, 4, False)],
        ["six candle intervals against DuckDB's one, time", f"{ohlcv[0].seconds / ohlcv[1].seconds:.2f}", "≤ 1 (aim 0.5)", verdict(ohlcv[0].seconds / ohlcv[1].seconds, 1, True)],
        ["lake against DuckDB sorted, time", f"{into_lake.seconds / duck_sorted.seconds:.2f}", "≤ 1 (aim 0.67)", verdict(into_lake.seconds / duck_sorted.seconds, 1, True)],
        ["lake against DuckDB unsorted, time", f"{into_lake.seconds / duck_unsorted.seconds:.2f}", "≤ 1 (aim 0.67)", verdict(into_lake.seconds / duck_unsorted.seconds, 1, True)],
        ["lake against DuckDB sorted, bytes", f"{sizes['k2-offload'] / sizes['DuckDB, sorted']:.2f}", "≤ 1", verdict(sizes["k2-offload"], sizes["DuckDB, sorted"], True)],
        ["lake against DuckDB unsorted, bytes", f"{sizes['k2-offload'] / sizes['DuckDB, unsorted']:.2f}", "≤ 1", verdict(sizes["k2-offload"], sizes["DuckDB, unsorted"], True)],
        ["slowest tool on empty input", seconds(max(c.seconds for c in start)), "< 20 ms", verdict(max(c.seconds for c in start), 0.020, True)],
        ["largest stream tool in memory", f"{max(c.memory for c in memory) / MEBIBYTE:.0f} MiB", "< 64 MB", verdict(max(c.memory for c in memory), 64e6, True)],
        ["k2-offload in memory", f"{max(c.memory for c in loaders) / MEBIBYTE:.0f} MiB", "< 256 MB", verdict(max(c.memory for c in loaders), 256e6, True)],
        *live_targets(steady, fastest),
        *load.targets(loading),
        *offload.targets(offloading),
        *audit.targets(auditing),
        *maintain.targets(maintaining),
        *compact.targets(compacting),
    ]
    contest_header = ["program", "lines", "median", "rate", "largest resident set"]
    size_rows = [[name, f"{size:,}", f"{size / inputs.count:.1f}"] for name, size in sizes.items()]
    start_rows = [[c.name, seconds(c.seconds), seconds(max(s.seconds for s in c.samples)), f"{c.memory / MEBIBYTE:.0f} MiB"] for c in start]
    memory_rows = [[c.name, f"{c.lines:,}", f"{c.memory / MEBIBYTE:.0f} MiB"] for c in memory + loaders]
    everything = [("Normalize", normalize), ("Candles", ohlcv), ("Lake", lake), ("Start to end on empty input", start), ("Memory", memory + loaders)]
    return f"""# Measured speed

Written by `scripts/bench`: all programs in one run, one core each, in turn, medians of {rounds}. Ratios carry over to other machines, seconds do not.

{table(["", ""], machine())}

Input: {inputs.count:,} Binance trades of `k2-sim record binance --format raw --trades {inputs.count} --seed 1`, {per_line:.0f} bytes a `raw` line
({os.path.getsize(inputs.raw):,} bytes), {os.path.getsize(inputs.trades) / inputs.count:.0f} bytes a `trade` line ({os.path.getsize(inputs.trades):,} bytes). Standard output goes to `/dev/null`.

## Targets

{table(["", "measured", "target", ""], targets)}

## Normalize: `raw` → `trade`

{table(contest_header, contest_rows(normalize))}

The Python program (`bench/peers/normalize.py`: orjson, decimal, xxhash) writes the same bytes as `k2-normalize`; the run checks that before it
measures. jq (`bench/peers/normalize.jq`) can neither hash nor multiply exactly: it leaves the id out and rounds the product. Both read fewer lines,
as given, and are compared per line.

## Candles: `trade` → six intervals

{table(contest_header, contest_rows(ohlcv))}

DuckDB computes the one-minute candles alone (`bench/peers/ohlcv.sql`) from the same file with explicit column types; its seconds are those of
the query, without the start of Python.

## Lake: `trade` → Iceberg, Parquet with zstd level 3

{table(contest_header, contest_rows(lake))}

{table(["files", "bytes", "bytes a trade"], size_rows)}

DuckDB reads the same file into the same column types (`bench/peers/lake.sql`) and writes one Parquet file, sorted by
(`canonical_symbol`, `timestamp`) as the table is, or unsorted; it writes no Iceberg metadata, and its seconds are those of the statement alone.

{live_section(steady, fastest)}

{load.section(loading)}

{offload.section(offloading)}

{audit.section(auditing)}

{maintain.section(maintaining)}

{compact.section(compacting)}

## Start to end on empty input

{table(["tool", "median", "slowest", "largest resident set"], start_rows)}

## Memory over the whole input

{table(["tool", "lines", "largest resident set"], memory_rows)}

## Every run

{chr(10).join(raw_numbers(title, contestants) + chr(10) for title, contestants in everything)}
{load.raw_numbers(loading)}

{offload.raw_numbers(offloading)}

{audit.raw_numbers(auditing)}

{maintain.raw_numbers(maintaining)}

{compact.raw_numbers(compacting)}
"""


def measure_load(inputs, options):
    print("measuring loading", file=sys.stderr)
    return load.measure(tool, cores(options), inputs.trades, inputs.count, FOLDER, rounds=options.rounds)


def cores(options):
    """One for what a program talks to, one for the program."""
    return min(os.sched_getaffinity(0) - {options.core}, default=options.core), options.core


def measure_offload(inputs, options):
    print("measuring offload", file=sys.stderr)
    return offload.measure(tool, cores(options), inputs.trades, inputs.count, FOLDER, rounds=options.rounds)


def measure_audit(inputs, options):
    print("measuring audit", file=sys.stderr)
    return audit.measure(tool, cores(options), inputs.trades, inputs.count, FOLDER, rounds=options.rounds)


def measure_maintain(inputs, options):
    print("measuring maintenance", file=sys.stderr)
    return maintain.measure(tool, options.core, FOLDER, rounds=options.rounds)


def measure_compact(inputs, options):
    print("measuring compaction", file=sys.stderr)
    return compact.measure(tool, options.core, inputs.count, FOLDER, rounds=options.rounds)


# What can be measured by itself: where its part of the report comes from, and how it is measured.
PARTS = {
    "load": (load, measure_load),
    "offload": (offload, measure_offload),
    "audit": (audit, measure_audit),
    "maintain": (maintain, measure_maintain),
    "compact": (compact, measure_compact),
}


def renew(name, options):
    """Measures one part by itself, and puts it into the report that is there."""
    part, measure = PARTS[name]
    measured = measure(Inputs(options.trades, spread=False), options)
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    section = f"{part.section(measured)}\n\nThis section is of {today}, measured by itself (`scripts/bench --only {name}`)."
    if options.output.exists():
        text = with_targets(options.output.read_text(), part.targets(measured))
        text = with_section(text, section, before="## Start to end on empty input")
        options.output.write_text(with_raw_numbers(text, part.raw_numbers(measured)))
    else:
        options.output.write_text(f"{section}\n\n{part.raw_numbers(measured)}\n")
    print(f"{table(['', 'measured', 'target', ''], part.targets(measured))}\n\n{section}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="measure the tools beside their peers")
    parser.add_argument("--trades", type=int, default=1_000_000, help="length of the input (default 1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program (default 5)")
    parser.add_argument("--live-seconds", type=int, default=60, help="length of the live capture at a fixed rate (default 60)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core that all programs run on")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/performance.md", help="where the report goes")
    parser.add_argument("--only", choices=PARTS, help="measure this alone, and put it into the report that is there")
    options = parser.parse_args()
    if options.only:
        return renew(options.only, options)

    inputs = Inputs(options.trades)
    python_lines, jq_lines = min(200_000, options.trades), min(50_000, options.trades)
    check_same_record(inputs, python_lines)
    normalize = normalize_contest(inputs, jq_lines, python_lines)
    ohlcv, lake = ohlcv_contest(inputs), lake_contest(inputs)
    start, memory = start_contest(inputs), memory_contest(inputs)
    for title, contestants, rounds in (
        ("normalize", normalize, options.rounds),
        ("candles", ohlcv, options.rounds),
        ("lake", lake, options.rounds),
        ("start", start, max(20, options.rounds)),
    ):
        print(f"measuring {title}", file=sys.stderr)
        compete(contestants, rounds, options.core)
    sizes = lake_sizes()
    print("measuring memory", file=sys.stderr)
    for contestant in memory:
        contestant.samples.append(run(contestant, options.core))
    loaders = [lake[0]]
    print("measuring live capture", file=sys.stderr)
    steady, fastest = live.measure(tool, cores(options), seconds=options.live_seconds, rounds=min(3, options.rounds))
    loading, offloading = measure_load(inputs, options), measure_offload(inputs, options)
    auditing, maintaining = measure_audit(inputs, options), measure_maintain(inputs, options)
    compacting = measure_compact(inputs, options)
    text = report(
        inputs, normalize, ohlcv, lake, sizes, start, memory, loaders, steady, fastest, loading, offloading, auditing, maintaining, compacting, options.rounds
    )
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(text)
    print(text.split("## Every run")[0])


if __name__ == "__main__":
    main()
