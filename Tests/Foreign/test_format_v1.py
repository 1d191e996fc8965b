"""Tables of format version 1 as pyiceberg makes them: history is expired and orphans are found, and pyiceberg goes on with what is left."""

import json
import os
import pathlib
import sqlite3
import subprocess
from collections import Counter

import pyarrow as pa
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from pipeline import NAMESPACE
from readers import DuckDB


@pytest.fixture
def maintain(tools, tmp_path):
    """Runs a verb; returns the lines of JSON that it printed."""
    environment = {
        "K2_WAREHOUSE": f"file:{tmp_path / 'warehouse'}",
        "K2_CATALOG": f"sqlite:{tmp_path / 'k2.db'}",
        "K2_STATE": f"sqlite:{tmp_path / 'state.db'}",
    }

    def run(*arguments, status=0):
        command = [tools.path("k2-maintain"), *arguments, "--tables", "t", "--json"]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
        assert done.returncode == status, done.stderr + done.stdout
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def made(catalog):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "part", StringType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part"))
    table = catalog.create_table(f"{NAMESPACE}.t", schema, partition_spec=spec, properties={"format-version": "1"})
    for number in range(4):
        table.append(pa.table({"id": [number, number + 10], "part": ["x", "y"]}))
    table.delete("part = 'x'")
    for number in range(2):
        table.append(pa.table({"id": [number, number + 20], "part": ["x", "y"]}))
    assert table.metadata.format_version == 1
    return table


def rows(table):
    return Counter((row["id"], row["part"]) for row in table.scan().to_arrow().to_pylist())


def duckdb_rows(table):
    return Counter(DuckDB().connect().execute(f"SELECT * FROM iceberg_scan('{table.metadata_location}')").fetchall())


def as_of_old(table, database):
    """The table as early writers had it: manifests in the snapshots and no lists, no id of the table, no field that came later."""
    path = pathlib.Path(table.metadata_location.removeprefix("file://"))
    metadata = json.loads(path.read_text())
    for snapshot in metadata["snapshots"]:
        manifests = table.metadata.snapshot_by_id(snapshot["snapshot-id"]).manifests(table.io)
        pathlib.Path(snapshot.pop("manifest-list").removeprefix("file://")).unlink()
        snapshot["manifests"] = [manifest.manifest_path for manifest in manifests]
        snapshot.pop("schema-id")
    for key in ("table-uuid", "schemas", "current-schema-id", "partition-specs", "default-spec-id", "last-partition-id", "sort-orders", "default-sort-order-id", "refs"):
        metadata.pop(key)
    old = path.with_name("00099-old.metadata.json")
    old.write_text(json.dumps(metadata))
    path.unlink()
    connection = sqlite3.connect(database)
    connection.execute("UPDATE iceberg_tables SET metadata_location = ?", (f"file://{old}",))
    connection.commit()
    connection.close()


def test_expire_of_version_1(catalog, maintain, tmp_path):
    table = made(catalog)
    before, seen = rows(table), duckdb_rows(table)
    everything = {str(file) for file in (tmp_path / "warehouse").rglob("*.*")}
    options = ("expire", "--older-than", "0s", "--retain-last", "2")
    *planned, foreseen = maintain(*options, "--dry-run")
    assert {str(file) for file in (tmp_path / "warehouse").rglob("*.*")} == everything
    (done,) = maintain(*options)
    assert done["status"] == "done" and done["expired_snapshots"] == foreseen["expired_snapshots"] == len(table.metadata.snapshots) - 2
    gone = {file for file in everything if not os.path.exists(file)}
    assert gone == {line["file"].removeprefix("file://") for line in planned if line["action"] == "delete"} and len(gone) == done["deleted_files"] > 0

    table.refresh()
    assert table.metadata.format_version == 1 and len(table.metadata.snapshots) == 2
    assert rows(table) == before and duckdb_rows(table) == seen
    for snapshot in table.metadata.snapshots:
        assert table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().num_rows in (sum(before.values()), sum(before.values()) - 2)
    written = json.loads(pathlib.Path(table.metadata_location.removeprefix("file://")).read_text())
    assert written["schema"]["fields"] and written["partition-spec"] and "last-sequence-number" not in written
    assert not any("sequence-number" in snapshot for snapshot in written["snapshots"])
    # It goes on as a table of that version, and can be made one of the next.
    table.append(pa.table({"id": [99], "part": ["z"]}))
    with table.transaction() as change:
        change.upgrade_table_version(2)
    assert rows(table.refresh()) == before + Counter([(99, "z")])
    (again,) = maintain(*options[:1])
    assert again["status"] == "nothing"


def test_orphans_of_version_1(catalog, maintain, tmp_path):
    table = made(catalog)
    (data,) = {file.parent for file in (tmp_path / "warehouse").rglob("part=y")}
    (data / "part=y" / "stray.parquet").write_bytes(b"stray")
    *files, planned = maintain("orphans", "plan", "--older-than", "0s", "--dry-run")
    assert planned["orphans"] == 1 and [line["file"].rsplit("/", 1)[1] for line in files] == ["stray.parquet"]
    assert rows(table)


def test_manifests_in_the_snapshots(catalog, maintain, tmp_path):
    table = made(catalog)
    snapshots, before = len(table.metadata.snapshots), rows(table)
    current = {task.file.file_path for task in table.scan().plan_files()}
    as_of_old(table, tmp_path / "k2.db")
    *files, planned = maintain("orphans", "plan", "--older-than", "0s", "--dry-run")
    assert planned["orphans"] == 0 and planned["status"] == "nothing" and files == []
    *planned, _ = maintain("expire", "--older-than", "0s", "--retain-last", "1", "--dry-run")
    (done,) = maintain("expire", "--older-than", "0s", "--retain-last", "1")
    assert done["status"] == "done" and done["expired_snapshots"] == snapshots - 1 and done["deleted_data_files"] == 4 and done["deleted_manifests"] > 0
    assert {line["kind"] for line in planned if line["action"] == "delete"} == {"data", "manifest"}
    for file in (line["file"].removeprefix("file://") for line in planned if line["action"] == "delete"):
        assert not os.path.exists(file)
    assert all(os.path.exists(file.removeprefix("file://")) for file in current)
    # pyiceberg does not read such tables itself.
    ((location,),) = sqlite3.connect(tmp_path / "k2.db").execute("SELECT metadata_location FROM iceberg_tables").fetchall()
    written = json.loads(pathlib.Path(location.removeprefix("file://")).read_text())
    (snapshot,) = written["snapshots"]
    assert written["format-version"] == 1 and "manifest-list" not in snapshot and "table-uuid" not in written
    assert len(snapshot["manifests"]) > 0 and all(os.path.exists(file.removeprefix("file://")) for file in snapshot["manifests"])
    (status,) = maintain("status")
    assert status["rows"] == sum(before.values()) and status["snapshots"] == 1
