"""`k2-maintain` on tables of pyiceberg and DuckDB, in every catalog and store: what stays reads as before, also when it is killed."""

import json
import os
import random

import pyarrow.parquet
import pytest
from pyiceberg.catalog import load_catalog

from lake_places import PLACES, PlacedDuckDB, PlacedLake
from maintain_process import NAME, SCHEMA, History, Maintain, plain, rows
from pipeline import NAMESPACE
from readers import plain_path

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
RUNS = int(os.environ.get("K2_FAULT_RUNS", "5"))
ONLY = ("--tables", NAME)
NOW = ("--older-than", "0s")
STRICT = (*NOW, "--retain-last", 1)


@pytest.fixture(params=PLACES, ids="-".join)
def maintain(request, tools, tmp_path, places):
    maintain = Maintain(tools, places.lake(tmp_path / "lake", *request.param))
    maintain.make_lake()
    return maintain


def assert_same(history, before, by_duckdb):
    """Every snapshot that is still there reads as before."""
    now = history.by_pyiceberg()
    assert now == {id: before[id] for id in now}
    if by_duckdb is not None:
        now = history.by_duckdb()
        assert now == {id: by_duckdb[id] for id in now}


def test_expire(maintain):
    history = History(maintain.lake, random.Random(f"{SEED} {maintain.lake.catalog} {maintain.lake.store}"))
    history.go_on(14)
    before, by_duckdb = history.by_pyiceberg(), history.by_duckdb()
    references = {name: reference.snapshot_id for name, reference in history.load().refs().items() if reference.max_ref_age_ms != 1}
    planned = {plain(line["file"]) for line in maintain.json("expire", *ONLY, *STRICT, "--dry-run") if "file" in line}
    present = history.stored()
    assert_same(history, before, by_duckdb)
    (result,) = maintain.json("expire", *ONLY, *STRICT)
    assert result["status"] == "done" and result["expired_snapshots"] > 0
    assert_same(history, before, by_duckdb)
    assert {name: reference.snapshot_id for name, reference in history.load().refs().items()} == references
    assert history.stored() == history.reachable() == present - planned
    (again,) = maintain.json("expire", *ONLY, *STRICT)
    assert again["status"] == "nothing"
    # The table can be written to as ever.
    history.table = history.load()
    history.append()
    assert len(history.by_pyiceberg()[history.load().current_snapshot().snapshot_id]) > 0


def test_orphans(maintain, tmp_path):
    history = History(maintain.lake, random.Random(SEED))
    history.go_on(5)
    before, present = history.by_pyiceberg(), history.stored()
    # Table buckets take plain names only.
    odd = "data/a b/é.parquet" if maintain.lake.catalog != "rest" else "data/y.parquet"
    strays = {history.put(name, b"stray") for name in ("data/x.parquet", odd, "metadata/snap-1-x.avro")}
    file = tmp_path / "plan.ndjson"
    maintain.run("orphans", "plan", *ONLY, "-o", file)
    assert [json.loads(line).get("files") for line in file.read_text().splitlines()][-1] == 0, "they are younger than three days"
    # What was metadata a moment ago counts as well.
    maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
    assert {plain(line["file"]) for line in map(json.loads, file.read_text().splitlines()) if "file" in line} == strays
    assert history.stored() == present | strays
    (applied,) = maintain.json("orphans", "apply", file)
    assert applied["moved_files"] == 3 and history.by_pyiceberg() == before
    assert {path for path in history.stored() if "/_quarantine/" not in path} == present
    (line, _) = maintain.json("orphans", "list", *ONLY)
    planned = maintain.json("orphans", "restore", line["quarantine"], *ONLY, "--dry-run")
    assert {plain(line["file"]) for line in planned if "file" in line} == strays
    maintain.run("orphans", "restore", line["quarantine"], *ONLY)
    assert history.stored() == present | strays
    if maintain.lake.store == "local":
        assert not os.path.exists(f"{plain(history.load().location())}/_quarantine")
    # In S3 the files that came back are new ones, which the old plan leaves alone.
    maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
    maintain.run("orphans", "apply", file)
    maintain.run("orphans", "purge", *ONLY)
    assert len(history.stored()) == len(present) + 4, "not yet"
    maintain.run("orphans", "purge", *ONLY, *NOW)
    assert history.stored() == present and history.by_pyiceberg() == before


def test_killed_anywhere(maintain, tmp_path):
    source = random.Random(f"{SEED} kill {maintain.lake.catalog} {maintain.lake.store}")
    history = History(maintain.lake, source)
    history.go_on(8)
    file = tmp_path / "plan.ndjson"
    for _ in range(RUNS):
        history.table = history.load()
        history.go_on(3)
        history.put(f"data/stray-{source.random()}.parquet", b"stray")
        before = history.by_pyiceberg()
        maintain.kill_after(source.uniform(0.005, 0.12), "expire", *ONLY, *STRICT)
        assert_same(history, before, None)
        maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
        for verb in (("apply", file), ("apply", file), ("purge", *NOW, *ONLY)):
            maintain.kill_after(source.uniform(0.005, 0.15), "orphans", *verb)
            assert_same(history, before, None)
    before, by_duckdb = history.by_pyiceberg(), history.by_duckdb()
    maintain.run("expire", *ONLY, *STRICT)
    maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
    maintain.run("orphans", "apply", file)
    maintain.run("orphans", "purge", *ONLY, *NOW)
    assert_same(history, before, by_duckdb)
    assert history.stored() == history.reachable()


def test_deletes_of_duckdb(tools, tmp_path, places):
    """DuckDB writes position deletes, which pyiceberg does not."""
    lake = places.lake(tmp_path / "lake", "rest", "s3")
    maintain = Maintain(tools, lake)
    history = History(lake, random.Random(SEED))
    history.append(count=50)
    connection = PlacedDuckDB().attach(lake)
    for number in range(4):
        connection.execute(f"DELETE FROM lake.{NAMESPACE}.{NAME} WHERE id % 10 = {number}")
    before, by_duckdb = history.by_pyiceberg(), history.by_duckdb()
    contents = {entry.data_file.content for m in history.load().current_snapshot().manifests(history.load().io) for entry in m.fetch_manifest_entry(history.load().io)}
    assert len(contents) == 2, "a data file and deletes"
    (result,) = maintain.json("expire", *ONLY, *STRICT)
    assert result["expired_snapshots"] > 0
    assert_same(history, before, by_duckdb)
    assert history.stored() == history.reachable()


def test_second_run_is_told_to_wait(tools, tmp_path):
    lake = PlacedLake(tmp_path / "lake", "x", "sqlite", "local")
    lake.folder.mkdir()
    maintain = Maintain(tools, lake)
    maintain.make_lake()
    history = History(lake, random.Random(SEED))
    history.go_on(3)
    import sqlite3

    with sqlite3.connect(lake.folder / "k2.db") as connection:
        connection.execute("INSERT INTO offload_leases VALUES (?, 'elsewhere:1:1', 9000000000000000)", [f"maintain:{NAME}"])
    _, said = maintain.run("expire", *ONLY, expect=75)
    assert f"table maintain:{NAME}: lease is held by elsewhere:1:1" in said
    maintain.run("expire", *ONLY, "--dry-run")
    with sqlite3.connect(lake.folder / "k2.db") as connection:
        connection.execute("UPDATE offload_leases SET expires_at = 1")
    maintain.run("expire", *ONLY)
    with sqlite3.connect(lake.folder / "k2.db") as connection:
        assert connection.execute("SELECT count(*) FROM offload_leases").fetchone() == (0,)


@pytest.mark.parametrize("name", ["k2", "theirs"])
def test_files_that_another_table_took_in_stay(tools, tmp_path, name):
    """pyiceberg's add_files takes a file into a table where it lies; also a table under another catalog name of the same database."""
    lake = PlacedLake(tmp_path / "lake", "x", "sqlite", "local")
    maintain = Maintain(tools, lake)
    maintain.make_lake()
    history = History(lake, random.Random(SEED))
    history.go_on(3)
    folder = f"{history.load().location()}/data"
    taken, stray = f"{folder}/taken.parquet", f"{folder}/stray.parquet"
    for path in (taken, stray):
        pyarrow.parquet.write_table(rows(0, 5), plain_path(path))
    catalog = load_catalog(name, type="sql", uri=f"sqlite:///{lake.folder / 'k2.db'}", warehouse=f"file://{tmp_path / 'elsewhere'}", init_catalog_tables="false")
    catalog.create_namespace("elsewhere")
    catalog.create_table("elsewhere.u", SCHEMA).add_files([taken])
    file = tmp_path / "plan.ndjson"
    _, said = maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
    planned = [line for line in map(json.loads, file.read_text().splitlines()) if "file" in line]
    assert stray in {line["file"] for line in planned} and taken not in {line["file"] for line in planned}
    assert "1 files are named by other tables and stay" in said
    maintain.run("orphans", "apply", file)
    maintain.run("orphans", "purge", *ONLY, *NOW)
    assert not os.path.exists(plain_path(stray))
    assert catalog.load_table("elsewhere.u").scan().to_arrow().num_rows == 5


def test_files_that_another_table_took_in_are_not_expired(tools, tmp_path):
    """Nor anything while a table is lost that may have done so; what is not needed is found when that one is gone."""
    lake = PlacedLake(tmp_path / "lake", "x", "sqlite", "local")
    maintain = Maintain(tools, lake)
    maintain.make_lake()
    history = History(lake, random.Random(SEED))
    files = [task.file.file_path for task in history.load().scan().plan_files()]
    other = history.catalog.create_table(f"{NAMESPACE}.u", SCHEMA)
    other.add_files(files)
    history.table.overwrite(rows(500, 5))
    pointer = history.catalog.load_table(f"{NAMESPACE}.u").metadata_location
    os.rename(plain_path(pointer), plain_path(pointer) + ".aside")
    before = history.stored()
    output, said = maintain.run("expire", *ONLY, *STRICT, expect=1)
    assert "which may name files of this one, cannot be read" in said and "drop it from the catalog" in said
    assert history.stored() == before and len(history.snapshots()) == 1
    maintain.run("orphans", "plan", *ONLY, *NOW, expect=1)
    os.rename(plain_path(pointer) + ".aside", plain_path(pointer))
    file = tmp_path / "plan.ndjson"
    maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
    planned = {line["file"] for line in map(json.loads, file.read_text().splitlines()) if "file" in line}
    assert planned and not planned & set(files)
    history.table = history.load()
    history.append()
    history.table.overwrite(rows(900, 1))
    (result,) = maintain.json("expire", *ONLY, *STRICT)
    assert result["deleted_data_files"] == 2 and other.scan().to_arrow().num_rows > 0


def test_a_warehouse_behind_a_link(tools, tmp_path):
    """A table whose location goes through a link, with files that are named where they really lie; and one that took some in under a third form."""
    lake = PlacedLake(tmp_path / "lake", "x", "sqlite", "local")
    (tmp_path / "disk").mkdir()
    lake.folder.mkdir()
    (lake.folder / "warehouse").symlink_to(tmp_path / "disk")
    maintain = Maintain(tools, lake)
    maintain.make_lake()
    history = History(lake, random.Random(SEED))
    history.go_on(5)
    real = str(tmp_path / "disk" / "cold" / NAME)
    history.table.refresh()
    history.table.transaction().set_properties({"write.data.path": f"file://{real}/data"}).commit_transaction()
    history.go_on(5)
    stray, taken = history.put("data/stray.parquet", b"stray"), history.put("data/taken.parquet", b"")
    pyarrow.parquet.write_table(rows(0, 5), plain_path(taken))
    other = history.catalog.create_table(f"{NAMESPACE}.u", SCHEMA)
    other.add_files([f"file://{lake.folder}/../disk/cold/{NAME}/data/taken.parquet"])
    before = history.by_pyiceberg()
    file = tmp_path / "plan.ndjson"
    maintain.run("orphans", "plan", *ONLY, *NOW, "-o", file)
    planned = [line["file"] for line in map(json.loads, file.read_text().splitlines()) if "file" in line]
    assert list(map(plain, planned)) == [stray]
    maintain.run("orphans", "apply", file)
    assert not os.path.exists(stray) and history.by_pyiceberg() == before
    (result,) = maintain.json("expire", *ONLY, *STRICT)
    assert result["status"] == "done" and result["expired_snapshots"] > 0 and result["foreign_files"] == 0
    assert_same(history, before, None)
    assert other.scan().to_arrow().num_rows == 5
    maintain.run("orphans", "purge", *ONLY, *NOW)
    stored = {os.path.realpath(path) for path in history.stored()}
    assert stored == {os.path.realpath(path) for path in history.reachable()} | {os.path.realpath(taken)}
    # Another table of the catalog that lies there under another form.
    history.catalog.create_table(f"{NAMESPACE}.v", SCHEMA, location=f"file://{real}")
    _, said = maintain.run("orphans", "plan", *ONLY, expect=64)
    assert "is shared with table cold.v" in said


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_dry_runs_make_no_state_store(tools, tmp_path, places, catalog):
    """In a lake that only pyiceberg knows so far, with the state where the catalog is."""
    lake = places.lake(tmp_path / "lake", catalog, "local")
    uri = f"sqlite:///{lake.folder / 'k2.db'}" if catalog == "sqlite" else lake.database.url_of(lake.name, driver="postgresql+psycopg2")
    load_catalog("k2", type="sql", uri=uri, warehouse=lake.warehouse)
    maintain, history = Maintain(tools, lake), History(lake, random.Random(SEED))
    history.go_on(6)
    of_tables = "SELECT name FROM sqlite_master" if catalog == "sqlite" else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"

    def tables():
        with lake.state() as query:
            return {name for (name,) in query(of_tables) if name.startswith(("offload", "maintenance"))}

    for verb in (["compact", "--dry-run"], ["expire", *STRICT, "--dry-run"], ["orphans", "plan"], ["orphans", "list"], ["status"]):
        _, said = maintain.run(*verb, *ONLY)
        assert tables() == set() and "state store" not in said, verb
    _, said = maintain.run("expire", *ONLY, *STRICT)
    assert said.startswith("k2-maintain: ") and said.splitlines()[0].endswith(": there was no state store, an empty one was made")
    assert "maintenance_runs" in tables()
    assert "state store" not in maintain.run("expire", *ONLY, *STRICT)[1]


def test_a_metrics_file_that_cannot_be_written(tools, tmp_path):
    """It is told before anything is done."""
    lake = PlacedLake(tmp_path / "lake", "x", "sqlite", "local")
    maintain = Maintain(tools, lake)
    maintain.make_lake()
    history = History(lake, random.Random(SEED))
    history.append()
    _, said = maintain.run("expire", *ONLY, *STRICT, "--metrics-file", tmp_path / "nowhere" / "m.prom", expect=64)
    assert "cannot write metrics" in said and len(history.snapshots()) == 2
    maintain.run("expire", *ONLY, *STRICT, "--metrics-file", tmp_path / "m.prom")
    assert "maintenance_expired_snapshots_total" in (tmp_path / "m.prom").read_text() and len(list(tmp_path.glob("m.prom*"))) == 1
