"""Measures `k2-maintain compact`: many small files of trades laid together in the table's order, beside DuckDB reading and writing the same rows sorted.

    K2_BIN=.build/release python bench/compact.py [rows] [rounds]

Runs by itself; scripts/bench runs it with the other contests.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import duckdb

from markdown import MEBIBYTE, seconds, table, verdict
from measure import Contestant, compete
from places import Local

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
TABLE = "silver_trades"
FILES, TINY_FILES, TINY_ROWS = 200, 5, 100
# Rows of the large table by trades of the other contests' input.
COPIES = 5
TARGET_MEMORY = 512 << 20


def say(text):
    print(f"compact: {text}", file=sys.stderr, flush=True)


def fill(tool, place, rows, files):
    """A lake whose table has so many files of equal size, all of one day."""
    rate = max(1, rows * 2 // 86_400 + 1)
    record = [tool("k2-sim"), "record", "binance", "--trades", str(rows), "--seed", "1", "--rate", str(rate), "--start", "2026-02-18T00:00:00Z"]
    offload = [tool("k2-offload"), "run", "--from", "-", "--commit-rows", str(rows // files), "--commit-interval", "1h"]
    made = subprocess.Popen(record, stdout=subprocess.PIPE)
    normal = subprocess.Popen([tool("k2-normalize")], stdin=made.stdout, stdout=subprocess.PIPE)
    made.stdout.close()
    subprocess.run(offload, check=True, stdin=normal.stdout, stderr=subprocess.DEVNULL, env=os.environ | place.environment)
    normal.stdout.close()
    assert [made.wait(), normal.wait()] == [0, 0]
    found = len(parquet(place.folder))
    assert found == files, f"{found} files, expected {files}"


def parquet(folder):
    return list(folder.rglob("*.parquet"))


class Copied:
    """A lake that is put back as it was before each run; its files name each other by absolute paths."""

    def __init__(self, place):
        self.place, self.copy = place, place.folder.with_name(place.folder.name + "-copy")
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(place.folder, self.copy)

    def reset(self):
        shutil.rmtree(self.place.folder)
        shutil.copytree(self.copy, self.place.folder)

    def written(self):
        """The files that compaction has added: those it replaced stay until their snapshots expire."""
        before = {file.name for file in parquet(self.copy)}
        return [file for file in parquet(self.place.folder) if file.name not in before]

    def remove(self):
        shutil.rmtree(self.place.folder)
        shutil.rmtree(self.copy)


def compaction(tool, lake, name, rows):
    return Contestant(name, [tool("k2-maintain"), "compact", "--tables", TABLE], None, rows, lake.place.environment, lake.reset)


def check(large, sorted_file, rows):
    """What came out has the rows of what DuckDB wrote."""
    names = ", ".join(f"'{file}'" for file in large.written())
    sums = "count(*), sum(price), sum(quantity), sum(source_sequence), max(timestamp)"
    ours, theirs = (duckdb.execute(f"SELECT {sums} FROM read_parquet([{source}])").fetchone() for source in (names, f"'{sorted_file}'"))
    assert ours == theirs and ours[0] == rows, (ours, theirs)


def measure(tool, core, count, folder, rounds=5):
    rows = count * COPIES
    for name in ("compact-large", "compact-tiny"):
        shutil.rmtree(folder / name, ignore_errors=True)
    say(f"{rows} trades in {FILES} files")
    large, tiny = Local(folder / "compact-large"), Local(folder / "compact-tiny")
    fill(tool, large, rows, FILES)
    fill(tool, tiny, TINY_FILES * TINY_ROWS, TINY_FILES)
    large, tiny = Copied(large), Copied(tiny)
    written = folder / "compact-sorted.parquet"
    ours = compaction(tool, large, "k2-maintain compact", rows)
    script = [sys.executable, PEERS / "duckdb_run.py", PEERS / "compact.sql", f"input={large.copy}/**/*.parquet", f"output={written}"]
    theirs = Contestant("DuckDB, sorted", script, lines=rows, times_itself=True)
    few = compaction(tool, tiny, f"{TINY_FILES} files of {TINY_ROWS} rows", TINY_FILES * TINY_ROWS)
    compete([ours, theirs, few], rounds, core)
    check(large, written, rows)
    files = {"before": parquet(large.copy), ours.name: large.written(), theirs.name: [written]}
    sizes = {name: sum(file.stat().st_size for file in group) for name, group in files.items()}
    for lake in (large, tiny):
        lake.remove()
    written.unlink()
    return ours, theirs, few, sizes


def targets(measured):
    ours, theirs, few, _ = measured
    ratio = ours.seconds / theirs.seconds
    return [
        [f"compaction of {FILES} files against DuckDB sorted, time", f"{ratio:.2f}", "≤ 1", verdict(ratio, 1, True)],
        ["k2-maintain compact in memory", f"{ours.memory / MEBIBYTE:.0f} MiB", "< 512 MiB", verdict(ours.memory, TARGET_MEMORY, True)],
        [f"compaction of {TINY_FILES} tiny files", seconds(few.seconds), "< 1 s", verdict(few.seconds, 1, True)],
    ]


def section(measured):
    ours, theirs, few, sizes = measured
    rows = [[c.name, f"{c.lines:,}", seconds(c.seconds), f"{c.rate / 1e6:.2f} M rows/s", f"{c.memory / MEBIBYTE:.0f} MiB"] for c in (ours, theirs)]
    rows.append([few.name, f"{few.lines:,}", seconds(few.seconds), "", f"{few.memory / MEBIBYTE:.0f} MiB"])
    header = ["program", "rows", "median", "rate", "largest resident set"]
    size_rows = [[name, f"{size:,}", f"{size / ours.lines:.1f}"] for name, size in sizes.items()]
    return f"""## Compaction: {FILES} files of trades

{table(header, rows)}

{table(["files", "bytes", "bytes a trade"], size_rows)}

`k2-maintain compact` of `silver_trades`, {FILES} files of one day into files of about 128 MB in the table's order (`canonical_symbol`, `timestamp`), zstd level 3: with the
commit, and with the proof, for which everything that was written is read back. Its times are of whole processes. DuckDB on one thread reads the same files and writes
one, sorted alike (`bench/peers/compact.sql`); its seconds are those of the statement alone. The run checks that both have the same rows: number and sums."""


def raw_numbers(measured):
    rows = [[c.name, *(", ".join(f"{getattr(sample, name):.4f}" for sample in c.samples) for name in ("seconds", "cpu"))] for c in measured[:3]]
    return f"**Compaction**\n\n{table(['program', 'seconds of each run', 'CPU seconds of each run'], rows)}"


def main():
    count = int(sys.argv[1]) // COPIES if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    binaries = pathlib.Path(os.environ.get("K2_BIN", "."))
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(lambda name: str(binaries / name), max(os.sched_getaffinity(0)), count, pathlib.Path(folder), rounds)
    print(f"{table(['', 'measured', 'target', ''], targets(measured))}\n\n{section(measured)}\n\n{raw_numbers(measured)}")


if __name__ == "__main__":
    main()
