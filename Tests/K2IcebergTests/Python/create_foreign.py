"""Makes a table with pyiceberg that has every transform."""
import sys, json
from pyiceberg.catalog import load_catalog
from pyiceberg.schema import Schema
from pyiceberg.types import *
from pyiceberg.partitioning import PartitionSpec, PartitionField
from pyiceberg.transforms import *
from pyiceberg.table.sorting import SortOrder, SortField
import pyarrow as pa, datetime, decimal
db, warehouse = sys.argv[1], sys.argv[2]
catalog = load_catalog("k2", type="sql", uri=db if "://" in db else "sqlite:///" + db, warehouse=warehouse)
catalog.create_namespace_if_not_exists("foreign")
types = [LongType(), TimestamptzType(), StringType(), DecimalType(12, 3), DateType(), UUIDType()]
names = ["id", "ts", "symbol", "amount", "d", "u"]
# pyiceberg takes two time transforms of one column for redundant: each partition field has a column of its own.
parts = [(2, YearTransform(), "y"), (2, MonthTransform(), "m"), (2, DayTransform(), "dd"), (2, HourTransform(), "h"), (3, IdentityTransform(), "sym"),
    (1, BucketTransform(16), "id_b"), (3, BucketTransform(7), "s_b"), (3, TruncateTransform(3), "s_t"), (1, TruncateTransform(10), "id_t"), (4, TruncateTransform(50), "a_t"),
    (4, BucketTransform(5), "a_b"), (5, MonthTransform(), "d_m"), (4, IdentityTransform(), "a_i"), (6, BucketTransform(11), "u_b"), (2, BucketTransform(13), "ts_b"), (5, BucketTransform(9), "d_b")]
schema = Schema(*[NestedField(i + 1, n, types[i], required=False) for i, n in enumerate(names)],
    *[NestedField(7 + i, "copy%d" % i, types[base - 1], required=False) for i, (base, _, _) in enumerate(parts)])
spec = PartitionSpec(*[PartitionField(source_id=7 + i, field_id=1000 + i, transform=t, name=n) for i, (_, t, n) in enumerate(parts)])
table = catalog.create_table("foreign.t", schema, partition_spec=spec, sort_order=SortOrder(SortField(source_id=3)), properties={"write.metadata.previous-versions-max": "3"})
utc = datetime.timezone.utc
rows = [{"id": n * 37 - 60, "ts": datetime.datetime(1969, 12, 30, 22, 30, tzinfo=utc) + datetime.timedelta(hours=n * 1117, microseconds=n),
    "symbol": None if n == 4 else ["BTC", "éa-😀x", "", "ETH/USD"][n % 4], "amount": decimal.Decimal(n * 1234 - 3000).scaleb(-3),
    "d": datetime.date(1969, 12, 1) + datetime.timedelta(days=n * 45), "u": bytes([n] * 16)} for n in range(6)]
rows = [r | {"copy%d" % i: r[names[base - 1]] for i, (base, _, _) in enumerate(parts)} for r in rows]
table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
table.append(pa.Table.from_pylist(rows[:2], schema=table.schema().as_arrow()))
table = catalog.load_table("foreign.t")
def plain(v): return v.hex() if isinstance(v, bytes) else str(v)
files = []
for task in table.scan().plan_files():
    f = task.file
    files.append({"path": f.file_path, "records": f.record_count, "partition": [plain(f.partition[i]) for i in range(len(spec.fields))]})
print(json.dumps({"files": files, "bases": [base for base, _, _ in parts], "snapshots": [s.snapshot_id for s in table.snapshots()], "uuid": str(table.metadata.table_uuid),
    "rows": [{"id": r["id"], "ts": (r["ts"] - datetime.datetime(1970, 1, 1, tzinfo=utc)) // datetime.timedelta(microseconds=1),
        "symbol": r["symbol"], "amount": int(r["amount"].scaleb(3)), "d": (r["d"] - datetime.date(1970, 1, 1)).days, "u": r["u"].hex()} for r in rows]}))
