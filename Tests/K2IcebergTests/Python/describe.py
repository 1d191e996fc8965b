"""What pyiceberg finds in a table."""
import sys, json
from pyiceberg.catalog import load_catalog
from pyiceberg.conversions import from_bytes
db, name = sys.argv[1], sys.argv[2]
table = load_catalog("k2", type="sql", uri=db if "://" in db else "sqlite:///" + db).load_table(name)
schema = table.schema()
files = []
for task in table.scan().plan_files():
    f = task.file
    files.append({"path": f.file_path, "records": f.record_count, "size": f.file_size_in_bytes, "partition": [str(x) for x in f.partition] if hasattr(f.partition, "__iter__") else [str(f.partition[i]) for i in range(len(f.partition))],
        "lower": {str(k): v.hex() for k, v in (f.lower_bounds or {}).items()}, "upper": {str(k): v.hex() for k, v in (f.upper_bounds or {}).items()},
        "nulls": {str(k): v for k, v in (f.null_value_counts or {}).items()}, "offsets": f.split_offsets, "order": f.sort_order_id})
def planned(expression): return len(list(table.scan(row_filter=expression).plan_files()))
arrow = table.scan().to_arrow()
snap = table.current_snapshot()
print(json.dumps({"files": files, "rows": arrow.num_rows, "sum": sum(arrow["id"].to_pylist()), "distinct": len(set(arrow["id"].to_pylist())),
    "day": planned("ts >= '2024-10-05T00:00:00+00:00' and ts < '2024-10-06T00:00:00+00:00'"), "none": planned("ts >= '2030-01-01T00:00:00+00:00'"),
    "bounds": planned("id >= 100"), "symbol": planned("symbol > 'zz'"), "price": planned("price > 1"),
    "history": [[s.snapshot_id, table.scan(snapshot_id=s.snapshot_id).to_arrow().num_rows] for s in table.snapshots()],
    "summary": {k: str(v) for k, v in snap.summary.additional_properties.items()} | {"operation": snap.summary.operation.value}, "sequence": snap.sequence_number,
    "refs": list(table.metadata.refs), "properties": dict(table.properties), "mapping": table.name_mapping() is not None,
    "sort": [f.source_id for f in table.sort_order().fields]}, default=str))
