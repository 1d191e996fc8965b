"""Writes Parquet files with pyarrow for our reader, and the truth beside them.

usage: write.py FOLDER         prints one line a file: path, then the cells of its column k as dump.py prints them

Every file has an int64 column `n` of 0, 1, 2, ... with each seventh null, and a string column `s`.
"""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

count = 5000
numbers = pa.array([None if row % 7 == 0 else row * row for row in range(count)], pa.int64())
texts = pa.array([None if row % 5 == 0 else f"text-{row % 100}" for row in range(count)], pa.string())
lists = pa.array([[f"{row}"] * (row % 3) for row in range(count)], pa.list_(pa.string()))
prices = pa.array(range(count), pa.int64()).cast(pa.decimal128(38, 12))
table = pa.table({"n": numbers, "s": texts, "l": lists, "p": prices, "b": pa.array([row % 2 == 0 for row in range(count)])})

variants = {
    "default": {},
    "plain": {"use_dictionary": False, "compression": "NONE"},
    "v2": {"data_page_version": "2.0", "compression": "ZSTD"},
    "v2-plain": {"data_page_version": "2.0", "compression": "NONE", "use_dictionary": False},
    "small": {"data_page_size": 256, "compression": "ZSTD", "row_group_size": 700},
    "delta": {
        "use_dictionary": False,
        "compression": "ZSTD",
        "column_encoding": {"n": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY", "l.list.element": "DELTA_LENGTH_BYTE_ARRAY", "p": "DELTA_BYTE_ARRAY", "b": "RLE"},
    },
    "index": {"write_page_index": True, "compression": "ZSTD", "version": "1.0"},
}
for name, options in variants.items():
    path = f"{sys.argv[1]}/{name}.parquet"
    pq.write_table(table, path, **({"compression": "ZSTD"} | options))
    print(path)
