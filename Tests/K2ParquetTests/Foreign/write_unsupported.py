"""Writes files that our reader must refuse, each for a reason of its own.

usage: write_unsupported.py FOLDER         prints one path a line
"""

import decimal
import sys

import pyarrow as pa
import pyarrow.parquet as pq

decimal.getcontext().prec = 80
nanos = pa.array([1_771_372_800_000_000_001, None], pa.int64()).cast(pa.timestamp("ns"))
numbers = pa.array(range(1000), pa.int64())
wide = pa.array([decimal.Decimal(10**75)], pa.decimal256(76, 0))
files = [
    ("int96", nanos, {"use_deprecated_int96_timestamps": True}),
    ("lz4", numbers, {"compression": "LZ4"}),
    ("brotli", numbers, {"compression": "BROTLI"}),
    ("nanos", nanos, {"version": "2.6"}),
    ("uint64", pa.array([2**64 - 1], pa.uint64()), {}),
    ("wide", wide, {}),
]
for name, array, options in files:
    path = f"{sys.argv[1]}/{name}.parquet"
    pq.write_table(pa.table({"n": array}), path, **({"use_dictionary": False} | options))
    print(path)
