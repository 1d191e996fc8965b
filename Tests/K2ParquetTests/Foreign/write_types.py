"""Writes one table of every type with pyarrow, in every encoding, codec and version of pages, and its cells beside it.

usage: write_types.py FOLDER SEED            or, for one file of many small row groups: write_types.py FOLDER SEED skipping
       write_types.py FOLDER SEED small                  the same with few rows

FOLDER/truth has the cells as dump.py prints them; every FOLDER/*.parquet holds exactly that table, which pyarrow
itself is asked first. Times are microseconds whatever the unit in the file.
"""

import datetime
import decimal
import random
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq

decimal.getcontext().prec = 80
folder, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
count = 12 if "small" in sys.argv else 250


def values(make, nulls=0.2):
    return [None if rng.random() < nulls else make() for _ in range(count)]


def number(bits, signed=True):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    near = rng.randint(0, 20)
    return rng.choice([low, high, near, near, near, rng.randint(low, high)])


def text():
    return rng.choice(["", "BUY", "SELL", f"BINANCE-{rng.randint(10**8, 10**8 + 10**4)}", "größer €", "x" * rng.randint(0, 70)])


def dec(precision, scale):
    largest = 10**precision - 1
    return decimal.Decimal(rng.choice([largest, -largest, 0, -1, rng.randint(0, 99), rng.randint(-largest, largest)])).scaleb(-scale)


def double(kind):
    return struct.unpack(kind, struct.pack(kind, rng.choice([0.0, -0.0, 1.5, float("inf"), -1e30, rng.random()])))[0]


def times(unit, zone=None):
    factor = {"s": 10**6, "ms": 10**3, "us": 1}.get(unit)
    micros = values(lambda: rng.choice([0, -(10**6), 1_771_372_800_023_000, rng.randint(-(10**14), 10**15)]) // 10**6 * 10**6 + (rng.randint(0, 999) * 1000 if unit != "s" else 0))
    scaled = [None if v is None else v * 1000 if unit == "ns" else v // factor for v in micros]
    return pa.array(scaled, pa.int64()).cast(pa.timestamp(unit, zone))


def short(make):
    return lambda: [make() for _ in range(rng.choice([0, 0, 1, 2, 5]))]


def maybe(make):
    return lambda: None if rng.random() < 0.3 else make()


day = datetime.date(1970, 1, 1)
arrays = {
    "bool": pa.array(values(lambda: rng.random() < 0.5), pa.bool_()),
    "bool_runs": pa.array([row // 90 % 2 == 0 for row in range(count)], pa.bool_()),
    "int8": pa.array(values(lambda: number(8)), pa.int8()),
    "int16": pa.array(values(lambda: number(16)), pa.int16()),
    "int32": pa.array(values(lambda: number(32)), pa.int32()),
    "int64": pa.array(values(lambda: number(64)), pa.int64()),
    "int64_required": pa.array(values(lambda: number(64), 0), pa.int64()),
    "rising": pa.array([1_771_372_800_000_000 + row * 8191 + rng.randint(0, 5) for row in range(count)], pa.int64()),
    "uint8": pa.array(values(lambda: number(8, False)), pa.uint8()),
    "uint16": pa.array(values(lambda: number(16, False)), pa.uint16()),
    "uint32": pa.array(values(lambda: number(32, False)), pa.uint32()),
    "uint64": pa.array(values(lambda: number(63, False)), pa.uint64()),
    "float": pa.array(values(lambda: double("<f")), pa.float32()),
    "double": pa.array(values(lambda: double("<d")), pa.float64()),
    "date": pa.array(values(lambda: day + datetime.timedelta(days=rng.randint(-20000, 60000))), pa.date32()),
    "seconds": times("s"),
    "millis": times("ms"),
    "micros": times("us"),
    "micros_utc": times("us", "UTC"),
    "nanos": times("ns"),
    "text": pa.array(values(text), pa.string()),
    "text_required": pa.array(values(text, 0), pa.string()),
    "ids": pa.array([f"BINANCE-{388_511_000 + row}" for row in range(count)], pa.string()),
    "binary": pa.array(values(lambda: rng.randbytes(rng.randint(0, 40))), pa.binary()),
    "fixed5": pa.array(values(lambda: rng.randbytes(5)), pa.binary(5)),
    "fixed1": pa.array(values(lambda: rng.randbytes(1)), pa.binary(1)),
    "decimal7": pa.array(values(lambda: dec(7, 2)), pa.decimal128(7, 2)),
    "decimal15": pa.array(values(lambda: dec(15, 3)), pa.decimal128(15, 3)),
    "decimal38": pa.array(values(lambda: dec(38, 12)), pa.decimal128(38, 12)),
    "decimal20": pa.array(values(lambda: dec(20, 0), 0), pa.decimal128(20, 0)),
    "nothing": pa.array([None] * count, pa.string()),
    "list": pa.array(values(short(text)), pa.list_(pa.string())),
    "list_nulls": pa.array(values(short(maybe(lambda: number(64)))), pa.list_(pa.int64())),
    "list_decimal": pa.array(values(short(maybe(lambda: dec(38, 12))), 0), pa.list_(pa.decimal128(38, 12))),
    "map": pa.array(values(lambda: [(f"k{i}", text()) for i in range(rng.choice([0, 1, 3]))]), pa.map_(pa.string(), pa.string())),
    "map_nulls": pa.array(values(lambda: [(i, maybe(lambda: number(32))()) for i in range(rng.choice([0, 1, 3]))]), pa.map_(pa.int64(), pa.int32())),
}
table = pa.table(arrays)
required = [name for name in arrays if arrays[name].null_count == 0 and "required" in name]
table = table.cast(pa.schema([pa.field(f.name, f.type, nullable=f.name not in required) for f in table.schema]))


def cell(value, kind):
    if value is None:
        return "NULL"
    types = pa.types
    if types.is_map(kind):
        return "{" + ",".join(f"{cell(k, kind.key_type)}:{cell(v, kind.item_type)}" for k, v in value) + "}"
    if types.is_list(kind):
        return "[" + ",".join(cell(v, kind.value_type) for v in value) + "]"
    if types.is_boolean(kind):
        return str(value).lower()
    if types.is_decimal(kind):
        return str(int(value.scaleb(kind.scale)))
    if types.is_float32(kind):
        return format(struct.unpack("<I", struct.pack("<f", value))[0], "x")
    if types.is_float64(kind):
        return format(struct.unpack("<Q", struct.pack("<d", value))[0], "x")
    return (value.encode() if isinstance(value, str) else bytes(value)).hex() if isinstance(value, (str, bytes)) else str(value)


def cells(name):
    array, kind = table[name].combine_chunks(), arrays[name].type
    if pa.types.is_timestamp(kind):
        return [cell(v, pa.int64()) for v in array.cast(pa.timestamp("us", kind.tz)).cast(pa.int64()).to_pylist()]
    if pa.types.is_date(kind):
        return [cell(v, pa.int32()) for v in array.cast(pa.int32()).to_pylist()]
    return [cell(v, kind) for v in array.to_pylist()]


if sys.argv[3:] == ["skipping"]:
    pq.write_table(table, f"{folder}/skipping.parquet", version="2.6", row_group_size=10)
    sys.exit()
with open(f"{folder}/truth", "w") as truth:
    print("\t".join(arrays), file=truth)
    for row in zip(*(cells(name) for name in arrays)):
        print("\t".join(row), file=truth)


def leaves(path):
    schema = pq.ParquetFile(path).schema
    return [(schema.column(i).path, schema.column(i).physical_type) for i in range(len(schema))]


def write(name, **options):
    path = f"{folder}/{name}.parquet"
    pq.write_table(table, path, version="2.6", **options)
    back = pq.read_table(path)
    assert back.num_rows == count and back.cast(table.schema).equals(table), name


def chosen(encodings):
    return {path: rng.choice(encodings[kind]) for path, kind in leaf_types if kind in encodings}


write("plain-first", use_dictionary=False)
leaf_types = leaves(f"{folder}/plain-first.parquet")
bytes_delta = ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]
delta = {"BOOLEAN": ["RLE"], "INT32": ["DELTA_BINARY_PACKED"], "INT64": ["DELTA_BINARY_PACKED"], "BYTE_ARRAY": bytes_delta, "FIXED_LEN_BYTE_ARRAY": ["DELTA_BYTE_ARRAY"]}
split = {kind: ["BYTE_STREAM_SPLIT"] for kind in ["INT32", "INT64", "FLOAT", "DOUBLE", "FIXED_LEN_BYTE_ARRAY"]}
for codec in ["NONE", "SNAPPY", "GZIP", "ZSTD"]:
    for version in ["1.0", "2.0"]:
        options = {"compression": codec, "data_page_version": version}
        sizes = [{}, {"data_page_size": 200, "write_batch_size": 13}, {"row_group_size": 100, "data_page_size": 700, "write_batch_size": 50}]
        label = f"{codec}-{version[0]}".lower()
        write(f"dictionary-{label}", **options, **rng.choice(sizes))
        write(f"fallback-{label}", dictionary_pagesize_limit=64, data_page_size=256, write_batch_size=16, compression=codec, data_page_version=version)
        write(f"plain-{label}", use_dictionary=False, store_decimal_as_integer=True, write_page_checksum=True, **options, **rng.choice(sizes))
        write(f"delta-{label}", use_dictionary=False, column_encoding=chosen(delta), **options, **rng.choice(sizes))
        write(f"split-{label}", use_dictionary=False, column_encoding=chosen(split), write_page_index=True, **options, **rng.choice(sizes))
