"""k2-maintain compact over tables that others wrote, and beside others that go on writing: what pyiceberg and DuckDB read is the same before and after."""

import datetime
import decimal
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import threading
import time
import uuid
from collections import Counter

import pyarrow as pa
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import DayTransform, IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from object_store import ObjectStore
from pipeline import NAMESPACE, Lake, read_ndjson, tables_expected
from readers import DuckDB, PyIceberg
from write_faults import WriteFault, library

UTC = datetime.timezone.utc


def frozen(value):
    """A value that can be counted: dictionaries and lists as tuples."""
    if isinstance(value, dict):
        return tuple(sorted((key, frozen(inner)) for key, inner in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(frozen(inner) for inner in value)
    return value


def rows(arrow):
    return Counter(frozen(row) for row in arrow.to_pylist())


def compact(tools, environment, *arguments, tables="t", status=0):
    """Runs it; returns the lines of JSON that it printed."""
    command = [tools.path("k2-maintain"), "compact", "--tables", tables, "--json", *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


# Tables of pyiceberg --------------------------------------------------------------------------------------

FIELDS = [
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "day", TimestamptzType(), required=False),
    NestedField(3, "small", IntegerType(), required=False),
    NestedField(4, "ratio", FloatType(), required=False),
    NestedField(5, "price", DecimalType(12, 3), required=False),
    NestedField(6, "wide", DecimalType(38, 9), required=False),
    NestedField(7, "text", StringType(), required=False),
    NestedField(8, "raw", BinaryType(), required=False),
    NestedField(9, "code", FixedType(4), required=False),
    NestedField(10, "key", UUIDType(), required=False),
    NestedField(11, "flag", BooleanType(), required=False),
    NestedField(12, "date", DateType(), required=False),
    NestedField(13, "at", TimeType(), required=False),
    NestedField(14, "local", TimestampType(), required=False),
    NestedField(15, "tags", ListType(16, StringType(), element_required=False), required=False),
    NestedField(17, "attributes", MapType(18, StringType(), 19, LongType(), value_required=False), required=False),
    NestedField(
        20, "place", StructType(NestedField(21, "x", DoubleType(), required=False), NestedField(22, "name", StringType(), required=False)), required=False
    ),
    NestedField(
        23,
        "items",
        ListType(
            24,
            StructType(
                NestedField(25, "n", IntegerType(), required=False),
                NestedField(26, "notes", ListType(27, StringType(), element_required=True), required=False),
            ),
            element_required=False,
        ),
        required=False,
    ),
]


def made_up(names, start, count, chance):
    """Rows with those columns, some of them null."""

    def value(name, number):
        if name == "id":
            return number
        if chance.random() < 0.2:
            return None
        match name:
            case "day":
                return datetime.datetime(2026, 2, 18 + number % 2, number % 24, tzinfo=UTC)
            case "small" | "more":
                return chance.choice([-(2**31), 0, number, 2**31 - 1])
            case "ratio":
                return number / 4
            case "price":
                return decimal.Decimal(number) / 8
            case "wide":
                return decimal.Decimal(chance.randint(-(10**37), 10**37)).scaleb(-9)
            case "text" | "title":
                return chance.choice(["", "ä", f"text {number}", "x" * 100])
            case "raw":
                return chance.randbytes(number % 5)
            case "code":
                return chance.randbytes(4)
            case "key":
                return uuid.UUID(int=chance.getrandbits(128)).bytes
            case "flag":
                return number % 3 == 0
            case "date":
                return datetime.date(1969, 12, 30) + datetime.timedelta(days=number)
            case "at":
                return datetime.time(number % 24, 1, 2, 3)
            case "local":
                return datetime.datetime(1960, 1, 1) + datetime.timedelta(microseconds=number)
            case "tags":
                return chance.choice([[], ["a", None, ""], [f"t{number}"]])
            case "attributes":
                return chance.choice([[], [("a", None), ("b", number)]])
            case "place":
                return {"x": chance.choice([None, 0.5, -0.0]), "name": f"p{number % 5}", "height": number}
            case "items":
                return chance.choice([[], [None], [{"n": number, "notes": []}, {"n": None, "notes": ["a", "b"]}, {"n": 3, "notes": None}]])

    return [{name: value(name, number) for name in names} for number in range(start, start + count)]


def append(table, start, count, chance):
    schema = table.schema().as_arrow()
    table.append(pa.Table.from_pylist(made_up(schema.names, start, count, chance), schema=schema))


@pytest.fixture
def environment(tmp_path):
    database = f"sqlite:{tmp_path / 'k2.db'}"
    return {"K2_WAREHOUSE": f"file:{tmp_path / 'warehouse'}", "K2_CATALOG": database, "K2_STATE": f"sqlite:{tmp_path / 'state.db'}"}


def duckdb_rows(table):
    connection = DuckDB().connect()
    return Counter(frozen(row) for row in connection.execute(f"SELECT * FROM iceberg_scan('{table.metadata_location}')").fetchall())


def test_tables_of_pyiceberg(tools, catalog, environment):
    """Every type, nested ones too; partitions, a sort order, deleted rows, and columns that were added, renamed, widened and dropped."""
    chance = random.Random(7)
    table = catalog.create_table(
        f"{NAMESPACE}.t",
        Schema(*FIELDS),
        partition_spec=PartitionSpec(PartitionField(2, 1000, DayTransform(), "day_day")),
        sort_order=SortOrder(SortField(7, transform=IdentityTransform()), SortField(1, transform=IdentityTransform())),
    )
    for number in range(6):
        append(table, number * 30, 30, chance)
    table.delete("id < 10")
    with table.update_schema() as update:
        update.add_column("more", IntegerType())
        update.add_column(("place", "height"), LongType())
        update.rename_column("text", "title")
        update.update_column("small", field_type=LongType())
        update.update_column("ratio", field_type=DoubleType())
        update.update_column("price", field_type=DecimalType(20, 3))
        update.delete_column("flag")
    for number in range(6, 12):
        append(table, number * 30, 30, chance)
    history = {snapshot.snapshot_id: rows(table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()) for snapshot in table.metadata.snapshots}
    before, seen = rows(table.scan().to_arrow()), duckdb_rows(table)
    assert sum(before.values()) == 350

    planned = compact(tools, environment, "--dry-run")
    groups = [line for line in planned if line.get("action") == "rewrite"]
    assert {line["partition"] for line in groups} == {"day_day=2026-02-18", "day_day=2026-02-19", "day_day=null"} and planned[-1]["status"] == "planned"
    assert table.refresh().metadata.snapshots[-1].snapshot_id in history
    (done,) = compact(tools, environment)
    assert (done["status"], done["rows"], done["files_out"]) == ("done", 350, 3) and done["files_in"] > 20

    table.refresh()
    assert rows(table.scan().to_arrow()) == before and duckdb_rows(table) == seen
    for snapshot, expected in history.items():
        assert rows(table.scan(snapshot_id=snapshot).to_arrow()) == expected
    current = table.current_snapshot()
    assert current.summary.operation.value == "replace" and current.summary.additional_properties["k2.maintenance-id"]
    for task in table.scan().plan_files():
        titles = [(row["title"] is not None, (row["title"] or "").encode(), row["id"]) for row in pa.parquet.read_table(task.file.file_path[7:]).to_pylist()]
        assert titles == sorted(titles) and task.file.sort_order_id == 1
    # Filters that prune by the new files' bounds lose nothing.
    for filter in ("id >= 200 and id < 230", "title = 'ä'", "day >= '2026-02-19T05:00:00+00:00'", "place.name = 'p3'", "price > 30"):
        assert rows(table.scan(row_filter=filter).to_arrow()) == rows_where(before, table, filter), filter
    (again,) = compact(tools, environment)
    assert again["status"] == "nothing" and table.refresh().current_snapshot().snapshot_id == current.snapshot_id
    append(table, 1000, 5, chance)
    assert sum(rows(table.refresh().scan().to_arrow()).values()) == 355


def rows_where(counted, table, filter):
    """What Python itself finds."""
    tests = {
        "id >= 200 and id < 230": lambda row: 200 <= row["id"] < 230,
        "title = 'ä'": lambda row: row["title"] == "ä",
        "day >= '2026-02-19T05:00:00+00:00'": lambda row: row["day"] is not None and row["day"] >= datetime.datetime(2026, 2, 19, 5, tzinfo=UTC),
        "place.name = 'p3'": lambda row: row["place"] is not None and dict(row["place"])["name"] == "p3",
        "price > 30": lambda row: row["price"] is not None and row["price"] > 30,
    }
    return Counter({row: number for row, number in counted.items() if tests[filter](dict(row))})


def test_names_stand_for_ids(tools, catalog, environment, tmp_path):
    """Files without field ids, added as they are, are read by the table's name mapping; without one they are left out."""
    table = catalog.create_table(f"{NAMESPACE}.t", Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False)))
    add_files(table, tmp_path, pa.table({"b": ["x", None], "a": pa.array([1, None], pa.int64())}))
    before = rows(table.scan().to_arrow())
    (done,) = compact(tools, environment)
    assert done["status"] == "done" and done["rows"] == 12 and rows(table.refresh().scan().to_arrow()) == before


def test_files_without_rows(tools, catalog, environment, tmp_path):
    """With no row groups, and with some that hold nothing; in both nothing is lost of the files beside them."""
    import pyarrow.parquet as parquet

    table = catalog.create_table(f"{NAMESPACE}.t", Schema(FIELDS[0], FIELDS[4], FIELDS[6], FIELDS[14]))
    types = {"id": pa.int64(), "price": pa.decimal128(12, 3), "text": pa.string(), "tags": pa.list_(pa.string())}
    arrow = pa.schema([pa.field(name, type, nullable=name != "id") for name, type in types.items()])

    def add(counts):
        files = [f"{tmp_path}/{uuid.uuid4()}.parquet" for _ in counts]
        for file, groups in zip(files, counts):
            with parquet.ParquetWriter(file, arrow) as writer:
                for _ in range(groups):
                    writer.write_table(arrow.empty_table())
        table.add_files([f"file://{file}" for file in files])

    add([0, 0, 1, 2, 1])
    for extra in [("--dry-run",), ()]:
        *_, done = compact(tools, environment, *extra)
        assert (done["status"], done["files_in"], done["rows"]) == ("planned" if extra else "done", 5, 0), done
    assert done["files_out"] == 0 and table.refresh().current_snapshot().summary["total-data-files"] == "0"
    append(table, 0, 50, random.Random(1))
    add([0, 1])
    table.delete("id < 5")
    add([1])
    before, seen = rows(table.refresh().scan().to_arrow()), duckdb_rows(table)
    *_, done = compact(tools, environment, "--sort", "price, id")
    assert done["status"] == "done" and rows(table.refresh().scan().to_arrow()) == before and duckdb_rows(table) == seen
    assert sum(before.values()) == 45 and table.current_snapshot().summary["total-data-files"] == "1"
    *_, again = compact(tools, environment, "--sort", "price, id")
    assert again["status"] == "nothing"


def test_partitions_of_widened_columns(tools, catalog, environment):
    """Files from before a column was widened and from after it are of one partition."""
    columns = Schema(
        NestedField(1, "id", LongType()), NestedField(2, "ratio", FloatType()), NestedField(3, "small", IntegerType()), NestedField(4, "price", DecimalType(5, 2))
    )
    spec = PartitionSpec(*(PartitionField(number, 998 + number, IdentityTransform(), columns.find_field(number).name) for number in (2, 3, 4)))
    table = catalog.create_table(f"{NAMESPACE}.t", columns, partition_spec=spec)

    # What a reader makes of a float from before, and so what it writes to a double.
    ratio = pa.array([0.1], pa.float32())[0].as_py()

    def add(numbers):
        for number in numbers:
            made = [{"id": number * 4 + row, "ratio": ratio, "small": -7, "price": decimal.Decimal("1.25")} for row in range(4)]
            table.append(pa.Table.from_pylist(made, schema=table.schema().as_arrow()))

    add(range(3))
    with table.update_schema() as update:
        update.update_column("ratio", field_type=DoubleType())
        update.update_column("small", field_type=LongType())
        update.update_column("price", field_type=DecimalType(20, 2))
    add(range(3, 6))
    before = rows(table.scan().to_arrow())
    (done,) = compact(tools, environment, "--where", "small = -7 AND price = 1.25", "--rewrite-manifests")
    assert (done["status"], done["groups"], done["files_in"], done["files_out"]) == ("done", 1, 6, 1), done
    assert rows(table.refresh().scan().to_arrow()) == before and len(list(table.scan(row_filter="small = -7").plan_files())) == 1


def test_chosen_files_and_orders(tools, catalog, environment):
    chance = random.Random(3)
    table = catalog.create_table(f"{NAMESPACE}.t", Schema(*FIELDS[:8]), partition_spec=PartitionSpec(PartitionField(2, 1000, DayTransform(), "day_day")))
    for number in range(6):
        append(table, number * 40, 40, chance)
    before = rows(table.scan().to_arrow())
    (done,) = compact(tools, environment, "--where", "day >= '2026-02-19'", "--sort", "price desc nulls last, id")
    assert done["groups"] == 1
    table.refresh()
    (file,) = [task.file for task in table.scan(row_filter="day >= '2026-02-19T00:00:00+00:00'").plan_files()]
    found = pa.parquet.read_table(file.file_path[7:]).to_pylist()
    assert found == sorted(found, key=lambda row: (row["price"] is None, -(row["price"] or 0), row["id"]))
    compact(tools, environment, "--z-order", "price,id", "--rewrite-manifests")
    table.refresh()
    assert rows(table.scan().to_arrow()) == before and len(list(table.scan().plan_files())) == 3
    assert len(table.current_snapshot().manifests(table.io)) == 1


def told(tools, environment, *arguments, status, verb="compact"):
    """What it said on stderr, in one line each, but that there was no state store yet."""
    done = subprocess.run([tools.path("k2-maintain"), verb, *arguments], env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr + done.stdout
    return [line for line in done.stderr.splitlines() if not line.endswith(": there was no state store, an empty one was made")]


def test_flags_that_do_not_fit_the_table(tools, catalog, environment):
    table = catalog.create_table(f"{NAMESPACE}.t", Schema(*FIELDS))
    append(table, 0, 10, random.Random(3))
    names = ", ".join(table.schema().column_names[:7])
    for arguments, text in {
        ("--where", "nope = 1"): f"--where: column nope: not in the table: expected one of {names}",
        ("--where", "price = 'x'"): "--where: column price: expected a decimal(12, 3), found 'x'",
        ("--where", "raw = 'x'"): "--where: column raw: a binary cannot be compared with a literal",
        ("--where", "tags = 'x'"): "--where: column tags: made up of others: expected a column with one value a row",
        ("--sort", "nope desc"): f"--sort: column nope: not in the table: expected one of {names}",
        ("--z-order", "id,place"): "--z-order: column place: made up of others: expected a column with one value a row, such as place.x",
        ("--dedupe",): "--dedupe: what makes two rows one is known of K2's own tables only",
    }.items():
        for extra in [(), ("--dry-run",)]:
            line, total = told(tools, environment, "--tables", "t", *arguments, *extra, status=64)
            assert line.startswith(f"k2-maintain: compact: t: {text}") and total.endswith("1 of 1 tables: not done: t"), line
    assert len(table.refresh().metadata.snapshots) == 1


def test_flags_for_some_of_the_tables(tools, lake):
    """Of tables that were not named, those without the column are left alone; when none has it, the flag is wrong."""
    lines = told(tools, lake.environment, "--where", "window_start >= '2026-02-18'", "--dry-run", status=0)
    assert any(line.startswith("k2-maintain: compact: silver_trades: left alone: --where: column window_start: not in the table: expected one of ") for line in lines)
    assert not any("gold_ohlcv" in line and "left alone" in line for line in lines)
    lines = told(tools, lake.environment, "--sort", "nope", "--dry-run", status=64)
    assert lines[-1].startswith("k2-maintain: --sort: column nope: none of ") and lines[-1].endswith(" tables has it")
    told(tools, lake.environment, "--where", "window_start >= '2026-02-18'", "--tables", "silver_trades,gold_ohlcv_1m", "--dry-run", status=64)


def add_files(table, folder, arrow, count=6, **options):
    """Files without field ids, taken into the table as they are."""
    import pyarrow.parquet as parquet

    files = [str(folder / f"{uuid.uuid4()}.parquet") for _ in range(count)]
    for file in files:
        parquet.write_table(arrow, file, **options)
    table.add_files([f"file://{file}" for file in files])
    return files


def test_names_that_the_mapping_does_not_know(tools, catalog, environment, tmp_path):
    """A column that nothing maps would be null for good once its file is written anew: the files are left, until the mapping is put right."""
    schema = Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False))
    table = catalog.create_table(f"{NAMESPACE}.t", schema)
    first = min(add_files(table, tmp_path, pa.table({"b": ["x", None], "a": pa.array([1, None], pa.int64())})))
    before, whole = rows(table.scan().to_arrow()), table.properties["schema.name-mapping.default"]
    with table.transaction() as change:
        change.set_properties({"schema.name-mapping.default": json.dumps([{"field-id": 1, "names": ["a"]}])})
    snapshot = table.current_snapshot().snapshot_id
    for extra in [(), ("--dry-run",)]:
        lines = told(tools, environment, "--tables", "t", *extra, status=1)
        assert f"file://{first}: column b: the name mapping of the table does not name it, and no schema says that it was dropped" in "".join(lines), lines
        assert table.refresh().current_snapshot().snapshot_id == snapshot
    # Renamed: pyiceberg keeps the old name in the mapping.
    with table.transaction() as change:
        change.set_properties({"schema.name-mapping.default": whole})
    with table.update_schema() as update:
        update.rename_column("b", "c")
    (done,) = compact(tools, environment)
    assert done["status"] == "done" and done["rows"] == 12
    renamed = Counter({tuple(sorted(("c" if name == "b" else name, value) for name, value in row)): count for row, count in before.items()})
    assert rows(table.refresh().scan().to_arrow()) == renamed
    # Dropped: what files have of it goes with them.
    add_files(table, tmp_path, pa.table({"c": ["y"], "a": pa.array([2], pa.int64())}))
    with table.update_schema() as update:
        update.delete_column("c")
    with table.transaction() as change:
        change.set_properties({"schema.name-mapping.default": json.dumps([{"field-id": 1, "names": ["a"]}])})
    (done,) = compact(tools, environment)
    assert done["status"] == "done" and rows(table.refresh().scan().to_arrow()) == Counter({(("a", 1),): 6, (("a", None),): 6, (("a", 2),): 6})


def test_files_that_cannot_be_read(tools, catalog, environment, tmp_path):
    """Each partition that holds one is left as it is and told about, others are done, and the status says that something is left."""
    schema = Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "p", StringType(), required=False))
    table = catalog.create_table(f"{NAMESPACE}.t", schema, partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "p")))

    def part(name):
        return pa.table({"a": pa.array([1, None], pa.int64()), "p": [name, name]})

    add_files(table, tmp_path, part("good"))
    (brotli, *_) = add_files(table, tmp_path, part("brotli"), 1, compression="brotli") + add_files(table, tmp_path, part("brotli"))
    (lost, *_) = add_files(table, tmp_path, part("lost"))
    (short, *_) = add_files(table, tmp_path, part("short"))
    (long, *_) = add_files(table, tmp_path, part("long"))
    sizes = {file: os.stat(file).st_size for file in (short, long)}
    os.unlink(lost)
    os.truncate(short, sizes[short] - 100)
    pa.parquet.write_table(pa.table({"a": range(100)}), long)
    reasons = [
        f"file://{brotli}: not supported: row group 0: a: compression brotli",
        f"file://{lost}: not in the store",
        f"file://{short}: the file is shorter than its manifest says: found {sizes[short] - 100} bytes, expected {sizes[short]}",
        f"file://{long}: the file is longer than its manifest says: found {os.stat(long).st_size} bytes, expected {sizes[long]}",
    ]
    lines = told(tools, environment, "--tables", "t", "--dry-run", status=1)
    assert all(any(reason in line for line in lines) for reason in reasons), lines
    lines = told(tools, environment, "--tables", "t", status=1)
    assert all(any(reason in line for line in lines) for reason in reasons), lines
    assert any("(and 3 more); beside that, 6 files became 1" in line for line in lines), lines
    (again,) = compact(tools, environment, status=1)
    assert again["status"] == "incomplete" and again["commits"] == 0 and len(again["left_out"]) == 4
    (good,) = [task.file for task in table.refresh().scan(row_filter="p = 'good'").plan_files()]
    assert good.record_count == 12


def test_stopped_at_any_moment(tools, catalog, environment, tmp_path):
    """SIGTERM before a chosen write: the run ends, takes back what it wrote, and the next one does the rest."""
    chance = random.Random(11)

    def stopped(name, action, step=0):
        """What a run over a new table came to that is stopped at a step."""
        day = PartitionField(2, 1000, DayTransform(), "day_day")
        table = catalog.create_table(f"{NAMESPACE}.{name}", Schema(*FIELDS[:8]), partition_spec=PartitionSpec(day))
        for number in range(6):
            append(table, number * 40, 40, chance)
        before = rows(table.scan().to_arrow())
        fault = WriteFault(library(), tmp_path / "report", action, step, under=tmp_path / "warehouse")
        command = [tools.path("k2-maintain"), "compact", "--tables", name]
        done = subprocess.run(command, env=os.environ | environment | fault.environment, capture_output=True, text=True)
        assert rows(table.refresh().scan().to_arrow()) == before, f"{action} at {step}"
        return table, before, done, fault.steps[0]

    _, _, done, total = stopped("t0", "count")
    assert done.returncode == 0 and total > 10, done.stderr
    ended = 0
    for step in [1, *chance.sample(range(2, total), 7)]:
        table, before, done, steps = stopped(f"t{step}", "stop", step)
        assert done.returncode == 143, done.stderr
        ended += "stopped after 0 commits; the next run goes on" in done.stderr
        manifests = [manifest for snapshot in table.snapshots() for manifest in snapshot.manifests(table.io)]
        named = {entry.data_file.file_path for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)}
        there = {f"file://{file}" for file in pathlib.Path(table.location().removeprefix("file://")).rglob("*.parquet")}
        assert there <= named, f"stopped at {step} of {total}: {done.stderr}"
        with sqlite3.connect(tmp_path / "state.db") as state:
            assert state.execute("SELECT count(*) FROM maintenance_intents").fetchone() == (0,)
        (again,) = compact(tools, environment, tables=f"t{step}")
        assert again["status"] in ("done", "nothing") and rows(table.refresh().scan().to_arrow()) == before
        assert len(list(table.scan().plan_files())) == 3
    assert ended > 0


# Tables of DuckDB -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    with ObjectStore(tmp_path_factory.mktemp("objects")) as store:
        yield store


def attached(store):
    connection = DuckDB().connect()
    DuckDB.load(connection, "httpfs")
    keys = f"KEY_ID '{store.access_key}', SECRET '{store.secret_key}', REGION '{store.region}'"
    connection.execute(f"CREATE SECRET (TYPE S3, {keys}, ENDPOINT '{store.s3.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)")
    connection.execute(f"CREATE SECRET ice (TYPE ICEBERG, CLIENT_ID '{store.access_key}', CLIENT_SECRET '{store.secret_key}', ENDPOINT '{store.catalog}')")
    connection.execute(f"ATTACH 'warehouse' AS lake (TYPE ICEBERG, ENDPOINT '{store.catalog}', SECRET ice)")
    return connection


def test_tables_of_duckdb(tools, objects, tmp_path):
    """Through a REST catalog, in S3: rows that DuckDB deleted and changed (position deletes) stay so, and its delete files go."""
    from pyiceberg.catalog import load_catalog

    environment = objects.environment | {
        "K2_CATALOG": objects.catalog,
        "K2_CATALOG_WAREHOUSE": "warehouse",
        "K2_CATALOG_CREDENTIAL": f"{objects.access_key}:{objects.secret_key}",
        "K2_STATE": f"sqlite:{tmp_path / 'state.db'}",
    }
    connection = attached(objects)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{NAMESPACE}")
    connection.execute(
        f"CREATE TABLE lake.{NAMESPACE}.d (id BIGINT, name VARCHAR, tags VARCHAR[], s STRUCT(a INTEGER, b DOUBLE), m MAP(VARCHAR, INTEGER), "
        "price DECIMAL(18,4), ts TIMESTAMPTZ, d DATE)"
    )

    def insert(start, end):
        return (
            f"INSERT INTO lake.{NAMESPACE}.d SELECT i, CASE WHEN i % 5 > 0 THEN 'n' || (i % 7) END, ['a', 'b' || i], {{'a': i::INTEGER, 'b': i / 3}}, "
            f"MAP {{'k': i::INTEGER}}, i / 8, TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) SECOND, DATE '2026-01-01' + (i % 100)::INTEGER "
            f"FROM (SELECT range AS i FROM range({start}, {end}))"
        )

    for number in range(6):
        connection.execute(insert(number * 100, number * 100 + 100))
    connection.execute(f"DELETE FROM lake.{NAMESPACE}.d WHERE id % 4 = 0")
    connection.execute(f"UPDATE lake.{NAMESPACE}.d SET name = 'changed' WHERE id % 7 = 0")

    def seen(connection):
        return Counter(frozen(row) for row in connection.execute(f"SELECT * FROM lake.{NAMESPACE}.d").fetchall())

    secret = f"{objects.access_key}:{objects.secret_key}"
    table = load_catalog("k2", type="rest", uri=objects.catalog, warehouse="warehouse", credential=secret, **objects.file_io).load_table(f"{NAMESPACE}.d")
    history = {snapshot.snapshot_id: rows(table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()) for snapshot in table.metadata.snapshots}
    before, own = rows(table.scan().to_arrow()), seen(connection)
    (done,) = compact(tools, environment, tables="d")
    assert done["status"] == "done" and done["rows"] == 450 and done["files_out"] == 1 and done["delete_files_dropped"] == 12
    table.refresh()
    assert rows(table.scan().to_arrow()) == before and seen(attached(objects)) == own
    assert all(not task.delete_files for task in table.scan().plan_files())
    for snapshot, expected in history.items():
        assert rows(table.scan(snapshot_id=snapshot).to_arrow()) == expected
    # DuckDB goes on with the compacted table.
    other = attached(objects)
    other.execute(f"DELETE FROM lake.{NAMESPACE}.d WHERE id % 9 = 1")
    other.execute(insert(900, 910))
    own = seen(other)
    (done,) = compact(tools, environment, tables="d")
    assert done["rows"] == sum(own.values()) and seen(attached(objects)) == own
    assert compact(tools, environment, tables="d")[0]["status"] == "nothing"


# Beside others --------------------------------------------------------------------------------------------


def test_beside_offload(tools, lake, tmp_path):
    """Loads in small batches while compaction goes over the same tables again and again: candles that are revised, files that go meanwhile."""
    stream = lake.stream.read_text().splitlines(keepends=True)
    busy = Lake(tmp_path / "busy", tmp_path / "part.ndjson")
    busy.folder.mkdir()
    stop, results = threading.Event(), []

    def compacting():
        command = [tools.path("k2-maintain"), "compact", "--json", "--min-input-files", "2", "--rewrite-manifests"]
        while not stop.is_set():
            done = subprocess.run(command, env=os.environ | busy.environment, capture_output=True, text=True)
            results.append((done.returncode, done.stderr, [json.loads(line) for line in done.stdout.splitlines()]))
            time.sleep(0.05)

    thread = threading.Thread(target=compacting)
    thread.start()
    try:
        for number in range(8):
            busy.stream.write_text("".join(stream[number * len(stream) // 8 : (number + 1) * len(stream) // 8]))
            tools.load(busy, "--commit-rows", "1500")
    finally:
        stop.set()
        thread.join()
    # Nothing there yet, busy or given up is well; a difference, or an error that stays, is not.
    assert {status for status, _, _ in results} <= {0, 66, 75}, [result for result in results if result[0] not in (0, 66, 75)]
    assert sum(line["commits"] for _, _, lines in results for line in lines if line["status"] == "done") > 5
    reader = PyIceberg()
    for name, count in tables_expected(read_ndjson(lake.stream)).items():
        found = Counter(frozen(row) for row in reader.rows(busy, name))
        assert sum(found.values()) == count and found == Counter(frozen(row) for row in reader.rows(lake, name)), name


def test_killed_at_any_moment(tools, catalog, environment):
    chance = random.Random(os.environ.get("K2_TEST_SEED") or time.time_ns())
    table = catalog.create_table(f"{NAMESPACE}.t", Schema(*FIELDS[:8]))
    total = 0
    for _ in range(12):
        for _ in range(5):
            append(table, total, 40, chance)
            total += 40
        before = rows(table.refresh().scan().to_arrow())
        command = [tools.path("k2-maintain"), "compact", "--tables", "t"]
        process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert rows(table.refresh().scan().to_arrow()) == before
    (done,) = compact(tools, environment)
    assert rows(table.refresh().scan().to_arrow()) == before and len(list(table.scan().plan_files())) == 1
    for snapshot in table.metadata.snapshots:
        table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()


def test_memory_stays_below_the_limit(tools, catalog, environment):
    """The largest resident set of the process, with far more rows than would fit as they are."""
    table = catalog.create_table(f"{NAMESPACE}.t", Schema(*FIELDS[:8]), sort_order=SortOrder(SortField(7, transform=IdentityTransform())))
    count = 40_000
    for number in range(6):
        ids = range(number * count, (number + 1) * count)
        columns = {"id": pa.array(ids, pa.int64()), "text": [f"{(i * 7919) % 999_983} {'y' * 150}" for i in ids], "raw": [i.to_bytes(4, "big") * 60 for i in ids]}
        schema = table.schema().as_arrow()
        arrays = [columns[field.name] if field.name in columns else pa.nulls(count, field.type) for field in schema]
        table.append(pa.Table.from_arrays([pa.array(a, field.type) for a, field in zip(arrays, schema)], schema=schema))
    largest = largest_memory(tools, environment, "96m")
    assert 40 << 20 < largest < 96 << 20, f"{largest >> 20} MiB"
    assert table.refresh().scan(selected_fields=("id",)).to_arrow().num_rows == 6 * count


def test_memory_stays_below_the_limit_with_large_pages(tools, catalog, environment):
    """Twenty thousand rows are a page to pyiceberg, however long they are, and keys that are longer than memory are put in order all the same."""
    schema = Schema(NestedField(1, "id", LongType(), required=False), NestedField(2, "text", StringType(), required=False))
    table = catalog.create_table(f"{NAMESPACE}.t", schema, sort_order=SortOrder(SortField(2, transform=IdentityTransform())))
    chance, count, files = random.Random(3), 10_000, 6
    for number in range(files):
        texts = [chance.randbytes(1_000).hex() for _ in range(count)]
        table.append(pa.table({"id": pa.array(range(number * count, (number + 1) * count), pa.int64()), "text": texts}))
    largest = largest_memory(tools, environment, "256m")
    assert 80 << 20 < largest < 256 << 20, f"{largest >> 20} MiB"
    (file,) = table.refresh().scan().plan_files()
    assert file.file.sort_order_id == 1 and file.file.record_count == files * count
    texts = table.scan(selected_fields=("text",)).to_arrow()["text"].to_pylist()
    assert all(a <= b for a, b in zip(texts, texts[1:]))
    (again,) = compact(tools, environment, "--max-memory", "256m")
    assert again["status"] == "nothing"


def largest_memory(tools, environment, limit):
    """Bytes that a compaction takes at most."""
    command = [tools.path("k2-maintain"), "compact", "--tables", "t", "--max-memory", limit]
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)
    largest = 0
    while process.poll() is None:
        # What the kernel keeps itself counts the parent before the exec too.
        largest = max(largest, resident(process.pid))
        time.sleep(0.01)
    assert process.returncode == 0, process.stderr.read()
    return largest


def resident(process):
    """The largest resident set so far, in bytes; 0 when the process is gone."""
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
