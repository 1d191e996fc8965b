"""Makes, fills and reads a table with pyiceberg: the action, where the table is, and numbers.

The place is {"catalog": properties, "name": "a.b"} or, to read only, {"folder": a table's folder}.
"""
import sys, json, datetime
import pyarrow as pa, pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog
from pyiceberg.table import StaticTable
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType, TimestamptzType
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import DayTransform
action, place, numbers = sys.argv[1], json.loads(sys.argv[2]), [int(text) for text in sys.argv[3:]]
catalog = load_catalog("k2", **place["catalog"]) if "catalog" in place else None
epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

def load():
    return catalog.load_table(place["name"]) if catalog else StaticTable.from_metadata(place["folder"])

def rows(table, start, count, day):
    times = [epoch + datetime.timedelta(days=day, seconds=n) for n in range(count)]
    items = [{"id": start + n, "ts": times[n], "symbol": "S%d" % (n % 3)} for n in range(count)]
    return pa.Table.from_pylist(items, schema=table.schema().as_arrow())

if action == "create":
    schema = Schema(NestedField(1, "id", LongType(), required=True), NestedField(2, "ts", TimestamptzType(), required=True),
        NestedField(3, "symbol", StringType(), required=False))
    spec = PartitionSpec(PartitionField(source_id=2, field_id=1000, transform=DayTransform(), name="ts_day"))
    catalog.create_namespace_if_not_exists(place["name"].rsplit(".", 1)[0])
    table = catalog.create_table(place["name"], schema, partition_spec=spec, properties={"made.by": "pyiceberg"})
    print(json.dumps({"uuid": str(table.metadata.table_uuid)}))
elif action == "append":
    table = load()
    table.append(rows(table, *numbers))
    print("{}")
elif action == "write":  # a data file that is not in the table yet
    table = load()
    location = "%s/data/k2-%d.parquet" % (table.location(), numbers[0])
    with table.io.new_output(location).create() as out: pq.write_table(rows(table, *numbers), out, store_schema=False)
    print(json.dumps({"path": location, "size": len(table.io.new_input(location))}))
else:
    table = load()
    arrow = table.scan().to_arrow()
    print(json.dumps({"rows": arrow.num_rows, "sum": sum(arrow["id"].to_pylist()), "snapshots": len(table.snapshots()),
        "columns": table.schema().column_names, "day": len(list(table.scan(row_filter="ts < '2024-10-05T00:00:00+00:00'").plan_files())),
        "properties": dict(table.properties), "batches": [s.summary.additional_properties.get("batch") for s in table.snapshots()]}))
