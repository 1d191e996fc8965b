"""k2-maintain compact on tables with delete files of both kinds, equality deletes above all, which none of the engines here writes: what a model of the
format finds left before is what is there afterwards, for the model, pyiceberg and DuckDB.

Of engines that read equality deletes, ClickHouse's agrees with the model where there are no nulls; with nulls it leaves rows out that no delete names.
DuckDB (1.5.5) ends with internal errors or leaves out too much, and pyiceberg (0.12) refuses.
"""

import datetime
import decimal
import json
import os
import random
import time
from collections import Counter

import pyarrow as pa
import pytest
from pyiceberg.manifest import ManifestContent
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform
from pyiceberg.types import BooleanType, DateType, DecimalType, IntegerType, LongType, NestedField, StringType, TimestamptzType

from delete_files import commit, entries, equality_deletes, position_deletes, rows_left
from maintain_process import plain
from pipeline import NAMESPACE
from readers import DuckDB
from test_compact import compact, environment  # noqa: F401: fixtures

UTC = datetime.timezone.utc
SEED = int(os.environ.get("K2_TEST_SEED") or time.time_ns() % 10**9)
ROUNDS = int(os.environ.get("K2_TEST_ROUNDS", "12"))

FIELDS = [
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "name", StringType(), required=False),
    NestedField(3, "count", IntegerType(), required=False),
    NestedField(4, "price", DecimalType(9, 2), required=False),
    NestedField(5, "at", TimestamptzType(), required=False),
    NestedField(6, "day", DateType(), required=False),
    NestedField(7, "flag", BooleanType(), required=False),
    NestedField(8, "wide", DecimalType(38, 9), required=False),
]
# Few values of each, so that keys meet rows; with null among them.
VALUES = {
    "id": list(range(25)),
    "name": [None, "", "a", "ä", "a" * 40, "b"],
    "count": [None, 0, 1, -1, 2**31 - 1, -(2**31)],
    "price": [None, decimal.Decimal("0.00"), decimal.Decimal("1.50"), decimal.Decimal("-1.50"), decimal.Decimal("9999999.99")],
    "at": [None, *(datetime.datetime(2026, 2, 18, 23, 59, 59, 999_999, tzinfo=UTC) + datetime.timedelta(microseconds=n) for n in (-(10**9), 0, 1))],
    "day": [None, datetime.date(1969, 12, 31), datetime.date(2026, 2, 18)],
    "flag": [None, True, False],
    "wide": [None, decimal.Decimal("0.000000001"), decimal.Decimal(-(10**37)).scaleb(-9)],
    "more": [None, "x", "y"],
}
SPECS = [
    [],
    [PartitionField(6, 1000, IdentityTransform(), "p_day")],
    [PartitionField(2, 1000, IdentityTransform(), "p_name"), PartitionField(3, 1001, BucketTransform(3), "p_count")],
    [PartitionField(5, 1000, DayTransform(), "p_at")],
    [PartitionField(7, 1000, IdentityTransform(), "p_flag")],
]
# Names of the columns as they were, by field id; `name` is renamed.
VALUE_NAMES = {field.field_id: field.name for field in FIELDS}


class Table:
    def __init__(self, catalog, chance, with_nulls):
        self.chance, self.with_nulls = chance, with_nulls
        order = chance.choice([SortOrder(), SortOrder(SortField(2, transform=IdentityTransform()), SortField(1, transform=IdentityTransform()))])
        self.table = catalog.create_table(f"{NAMESPACE}.t", Schema(*FIELDS), partition_spec=PartitionSpec(*chance.choice(SPECS)), sort_order=order)
        # A column that is added is null in what is there already.
        self.is_evolved = not with_nulls

    def value(self, id):
        values = VALUES[VALUE_NAMES.get(id, "more")]
        return self.chance.choice(values if self.with_nulls else [value for value in values if value is not None])

    def append(self):
        schema = self.table.schema()
        rows = [{field.name: self.value(field.field_id) for field in schema.fields} for _ in range(self.chance.randint(1, 30))]
        self.table.append(pa.Table.from_pylist(rows, schema=schema.as_arrow()))

    def evolve(self):
        """Renames, widens, adds and drops columns; the partitioning goes over to another one."""
        if self.is_evolved:
            return
        self.is_evolved = True
        with self.table.update_schema() as update:
            update.add_column("more", StringType())
            update.rename_column("name", "title")
            update.update_column("count", field_type=LongType())
            update.update_column("price", field_type=DecimalType(20, 2))
            if all(field.source_id != 7 for spec in self.table.specs().values() for field in spec.fields):
                update.delete_column("flag")
        if self.chance.random() < 0.6:
            with self.table.update_spec() as update:
                for field in self.table.spec().fields:
                    update.remove_field(field.name)
                if self.chance.random() < 0.6:
                    update.add_field("id", BucketTransform(2), "p_id")

    def delete(self):
        """Some rows by the values of some columns, which may be those of no row."""
        data = entries(self.table, ManifestContent.DATA)
        if not data:
            return
        files = []
        for _ in range(self.chance.randint(1, 2)):
            entry, spec_id = self.chance.choice(data)
            partition = entry.data_file.partition
            unpartitioned = [id for id, spec in self.table.specs().items() if not spec.fields]
            if unpartitioned and self.chance.random() < 0.3:
                (spec_id, partition) = (unpartitioned[0], type(partition)())
            ids = self.chance.sample([field.field_id for field in self.table.schema().fields], self.chance.randint(1, 3))
            keys = {tuple(self.value(id) for id in ids) for _ in range(self.chance.randint(1, 8))}
            files.append(equality_deletes(self.table, sorted(keys, key=repr), ids, spec_id, partition))
        commit(self.table, files)

    def delete_positions(self):
        data = entries(self.table, ManifestContent.DATA)
        if not data:
            return
        entry, spec_id = self.chance.choice(data)
        partition = entry.data_file.partition
        same = [other.data_file for other, id in data if id == spec_id and tuple(other.data_file.partition) == tuple(partition)]
        chosen = self.chance.sample(same, self.chance.randint(1, len(same)))
        positions = {(file.file_path, self.chance.randrange(file.record_count)) for file in chosen for _ in range(3)}
        commit(self.table, [position_deletes(self.table, positions, spec_id, partition)])

    def go_on(self, steps):
        for _ in range(steps):
            choice = self.chance.random()
            if choice < 0.45:
                self.append()
            elif choice < 0.8:
                self.delete()
            elif choice < 0.92:
                self.delete_positions()
            else:
                self.evolve()


def by_duckdb(table):
    return Counter(DuckDB().connect().execute(f"SELECT * FROM iceberg_scan('{plain(table.metadata_location)}')").fetchall())


def by_clickhouse(table):
    """Three columns: their form is the same in JSON."""
    import chdb

    query = f"SELECT id, name, `count` FROM icebergLocal('{plain(table.location())}') SETTINGS output_format_json_quote_64bit_integers = 0"
    return Counter(tuple(json.loads(line).values()) for line in str(chdb.query(query, "JSONEachRow")).splitlines())


def by_pyiceberg(table):
    return Counter(tuple(row.values()) for row in table.scan().to_arrow().to_pylist())


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_is_left_stays(tools, catalog, environment, number):  # noqa: F811
    chance = random.Random(f"{SEED} {number}")
    comment = f"K2_TEST_SEED={SEED}, table {number}"
    made = Table(catalog, chance, with_nulls=number % 3 > 0)
    made.append()
    for _ in range(3):
        made.go_on(chance.randint(3, 8))
        table = made.table
        expected = rows_left(table)
        if not made.with_nulls:
            narrow = Counter()
            for row, count in expected.items():
                narrow[row[:3]] += count
            assert by_clickhouse(table) == narrow, f"{comment}: the model and ClickHouse"
        deletes = len(entries(table, ManifestContent.DELETES))
        (done,) = compact(tools, environment, "--min-input-files", str(chance.randint(2, 5)))
        table.refresh()
        assert rows_left(table) == expected, comment
        if entries(table, ManifestContent.DATA):
            assert entries(table, ManifestContent.DELETES) == [], f"{comment}: none that still applies, none that is left over"
            assert by_pyiceberg(table) == expected, comment
            assert by_duckdb(table) == expected, comment
        assert done["status"] == ("done" if done["commits"] else "nothing"), comment
        assert done["delete_files_dropped"] in (0, deletes), comment
        (again,) = compact(tools, environment)
        assert again["status"] == "nothing", comment
