"""Loading again, being killed, being asked to stop: nothing is lost and nothing doubled."""

import dataclasses
import signal
import time

import pytest

from pipeline import Lake, read_ndjson, tables_expected
from readers import DuckDB

BATCHES = ("--commit-rows", "50000")


@dataclasses.dataclass
class Reference:
    """A stream, what it must give, and a lake that was loaded from it without any interruption."""

    stream: object
    counts: dict
    lake: Lake
    seconds: float


def counts(lake):
    """Rows per table, by an engine of its own. A table without a snapshot has none."""
    duck = DuckDB()
    connection = duck.connect()
    return {name: connection.execute(f"SELECT count(*) FROM {duck.source(lake, name)}").fetchone()[0] for _, _, name, _ in lake.catalog_rows}


def assert_same_rows(lake, reference):
    """Both lakes hold the same tables with the same rows, every column of them."""
    duck = DuckDB()
    connection = duck.connect()
    assert [row[2] for row in lake.catalog_rows] == [row[2] for row in reference.catalog_rows]
    for _, _, name, _ in lake.catalog_rows:
        ours, theirs = f"SELECT * FROM {duck.source(lake, name)}", f"SELECT * FROM {duck.source(reference, name)}"
        for left, right in ((ours, theirs), (theirs, ours)):
            assert connection.execute(f"{left} EXCEPT ALL {right} LIMIT 1").fetchall() == [], name


@pytest.fixture(scope="module")
def reference(tools, tmp_path_factory):
    """Enough to be in the middle of it when a signal arrives."""
    folder = tmp_path_factory.mktemp("long")
    recordings = [tools.record(folder / f"{e}.ndjson.gz", e, trades=40_000, seed=7, rate=5) for e in ("binance", "kraken", "coinbase")]
    stream = tools.stream(folder / "stream.ndjson", recordings)
    lake = Lake(folder / "lake", stream)
    started = time.monotonic()
    tools.load(lake, *BATCHES)
    made = Reference(stream, tables_expected(read_ndjson(stream)), lake, time.monotonic() - started)
    assert counts(lake) == made.counts
    return made


def test_loading_twice_adds_nothing(tools, lake):
    before, locations = counts(lake), lake.catalog_rows
    said = tools.load(lake)
    assert counts(lake) == before == tables_expected(read_ndjson(lake.stream))
    assert lake.catalog_rows == locations, "a second load made a commit"
    assert said.strip(), "a load that adds nothing must say so"


@pytest.mark.parametrize("arguments", [("--commit-rows", "1000"), ("--commit-rows", "4321"), ("--commit-interval", "1s")], ids=" ".join)
def test_loading_again_in_other_batches_adds_nothing(tools, lake, arguments):
    before = counts(lake)
    tools.load(lake, *arguments)
    assert counts(lake) == before


def test_the_size_of_batches_does_not_change_the_rows(tools, reference, tmp_path):
    whole = Lake(tmp_path / "lake", reference.stream)
    tools.load(whole)
    assert_same_rows(whole, reference.lake)


@pytest.mark.parametrize("part", [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
def test_kill_9_leaves_readable_tables_and_a_second_run_completes_them(tools, reference, tmp_path, part):
    lake = Lake(tmp_path / "lake", reference.stream)
    process = tools.start_load(lake, *BATCHES)
    time.sleep(part * reference.seconds)
    process.kill()
    process.communicate()
    if (lake.folder / "k2.db").exists():
        present = readable_counts(lake)
        assert all(number <= reference.counts[name] for name, number in present.items()), present
    tools.load(lake, *BATCHES)
    assert counts(lake) == reference.counts
    assert_same_rows(lake, reference.lake)


def readable_counts(lake):
    """Every table that the catalog names can be read; before the catalog has its own tables there is none."""
    import sqlite3

    try:
        lake.catalog_rows
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error), error
        return {}
    return counts(lake)


def test_killed_again_and_again(tools, reference, tmp_path):
    """Six runs that are killed and one that is not."""
    lake = Lake(tmp_path / "lake", reference.stream)
    for attempt in range(6):
        process = tools.start_load(lake, *BATCHES)
        time.sleep((0.1 + 0.15 * attempt) * reference.seconds)
        process.kill()
        process.communicate()
    tools.load(lake, *BATCHES)
    assert_same_rows(lake, reference.lake)


def test_sigterm_commits_what_was_read(tools, reference, tmp_path):
    lake = Lake(tmp_path / "lake", reference.stream)
    process = tools.start_load(lake)
    time.sleep(0.4 * reference.seconds)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, said = process.communicate(timeout=15)
    assert time.monotonic() - started < 10
    # The load may have ended by itself on a fast machine.
    assert process.returncode in (0, 128 + signal.SIGTERM), said
    present = counts(lake)
    assert present.get("silver_trades", 0) > 0, "nothing of what was read is in the table"
    assert all(number <= reference.counts[name] for name, number in present.items())
    tools.load(lake)
    assert_same_rows(lake, reference.lake)
