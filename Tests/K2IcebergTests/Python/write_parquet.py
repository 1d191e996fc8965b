"""Writes rows as Parquet for a table of ours and tells its size, extremes and pyiceberg's own statistics."""
import sys, json, datetime, decimal, uuid, os
import pyarrow as pa, pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog
from pyiceberg.io.pyarrow import (schema_to_pyarrow, data_file_statistics_from_parquet_metadata,
    compute_statistics_plan, parquet_path_to_id_mapping)
from pyiceberg.types import PrimitiveType
db, name, out, start, count, day = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
table = load_catalog("k2", type="sql", uri=db if "://" in db else "sqlite:///" + db).load_table(name)
schema = table.schema()
arrow = schema_to_pyarrow(schema)
utc = datetime.timezone.utc
rows = []
for n in range(start, start + count):
    null = n % 7 == 3
    ts = datetime.datetime(1970, 1, 1, tzinfo=utc) + datetime.timedelta(days=day, microseconds=(n * 7919) % 86400000000)
    row = {
        "id": n, "ts": ts, "symbol": None if null else ["BTC/USDT", "ETH/USD", "DOGE-very-long-symbol-name", "Ünïcödé-😀-symbol-x"][n % 4],
        "price": None if null else decimal.Decimal(n * 1000003 - 5000000).scaleb(-12) * (-1 if n % 2 else 1),
        "flag": None if null else n % 2 == 0, "i": None if null else n - 50, "f": None if null else n * 0.5 + 0.25, "d": None if null else n * -0.25 - 0.125,
        "date": None if null else datetime.date(1970, 1, 1) + datetime.timedelta(days=day - 20000 * (n % 2)),
        "local": None if null else datetime.datetime(1969, 12, 31, 23, 59, 59, 999999) + datetime.timedelta(seconds=n),
        "uuid": None if null else uuid.UUID(int=n * 2**64 + 5).bytes, "bin": None if null else bytes([255] * 17 + [n % 256]),
        "fix": None if null else bytes([n % 256, 1, 2, 3]), "tags": None if null else ["a", "b"][: n % 3],
        "attrs": None if null else [("k%d" % i, None if i == 1 else "v") for i in range(n % 3)],
        "small": None if null else decimal.Decimal(n * 100 - 777).scaleb(-2), "inner": None if null else {"x": n, "y": None if n % 5 == 0 else "y%d" % n},
    }
    rows.append(row)
data = pa.Table.from_pylist(rows, schema=arrow)
os.makedirs(os.path.dirname(out), exist_ok=True)
pq.write_table(data, out, compression="zstd", store_schema=False)
meta = pq.read_metadata(out)
stats = data_file_statistics_from_parquet_metadata(meta, compute_statistics_plan(schema, table.properties), parquet_path_to_id_mapping(schema)).to_serialized_dict()
def text(value):
    if isinstance(value, datetime.datetime):
        base = datetime.datetime(1970, 1, 1, tzinfo=value.tzinfo)
        return str((value - base) // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.date): return str((value - datetime.date(1970, 1, 1)).days)
    if isinstance(value, decimal.Decimal): return str(int(value.scaleb(-value.as_tuple().exponent)))
    if isinstance(value, bytes): return value.hex()
    return str(value)
minmax = {}
for field in schema.fields:
    if isinstance(field.field_type, PrimitiveType):
        values = [r[field.name] for r in rows if r[field.name] is not None]
        if values:
            key = (lambda s: s.encode()) if isinstance(values[0], str) else (lambda v: v)
            scale = getattr(field.field_type, "scale", None)
            if scale is not None: values = [v.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=60)) for v in values]
            minmax[str(field.field_id)] = [text(min(values, key=key)), text(max(values, key=key))]
hexes = lambda d: {str(k): v.hex() for k, v in d.items()}
ints = lambda d: {str(k): v for k, v in d.items()}
print(json.dumps({"size": os.path.getsize(out), "rows": count, "minmax": minmax, "lower": hexes(stats["lower_bounds"]), "upper": hexes(stats["upper_bounds"]),
    "sizes": ints(stats["column_sizes"]), "values": ints(stats["value_counts"]), "nulls": ints(stats["null_value_counts"]), "offsets": stats["split_offsets"]}))
