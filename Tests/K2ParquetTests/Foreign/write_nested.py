"""Writes columns that only their levels tell apart: structs, lists of lists, lists of structs, maps of lists.

usage: write_nested.py FOLDER SEED

FOLDER/truth has the cells: (…;…) structs, […] lists, {k:v,…} maps, NULL, integers. Every FOLDER/*.parquet holds that table.
"""

import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
count = 500


def maybe(make, share=0.25):
    return lambda: None if rng.random() < share else make()


def short(make):
    return lambda: [make() for _ in range(rng.choice([0, 1, 1, 2, 7]))]


def integer():
    return rng.randint(0, 99)


def pair():
    return {"a": maybe(integer)(), "b": maybe(short(maybe(integer)))()}


def mapping(make):
    return lambda: [(key, make()) for key in range(rng.choice([0, 1, 3]))]


int32 = pa.int32()
pair_type = pa.struct([pa.field("a", int32), pa.field("b", pa.list_(int32))])
makers = {
    "struct": (maybe(pair), pair_type),
    "deep": (maybe(lambda: {"s": maybe(lambda: {"t": maybe(integer)()})()}), pa.struct([pa.field("s", pa.struct([pa.field("t", int32)]))])),
    "lists": (maybe(short(maybe(short(maybe(integer))))), pa.list_(pa.list_(int32))),
    "structs": (maybe(short(maybe(pair))), pa.list_(pair_type)),
    "map_lists": (maybe(mapping(maybe(short(maybe(integer))))), pa.map_(int32, pa.list_(int32))),
    "map_structs": (maybe(mapping(maybe(pair))), pa.map_(int32, pair_type)),
}
table = pa.table({name: pa.array([make() for _ in range(count)], kind) for name, (make, kind) in makers.items()})


def cell(value, kind):
    if value is None:
        return "NULL"
    if pa.types.is_map(kind):
        return "{" + ",".join(f"{cell(k, kind.key_type)}:{cell(v, kind.item_type)}" for k, v in value) + "}"
    if pa.types.is_list(kind):
        return "[" + ",".join(cell(v, kind.value_type) for v in value) + "]"
    if pa.types.is_struct(kind):
        return "(" + ";".join(cell(value[field.name], field.type) for field in kind) + ")"
    return str(value)


with open(f"{folder}/truth", "w") as truth:
    print("\t".join(makers), file=truth)
    for row in table.to_pylist():
        print("\t".join(cell(row[name], kind) for name, (_, kind) in makers.items()), file=truth)

variants = {
    "one": {"compression": "SNAPPY"},
    "small": {"compression": "ZSTD", "data_page_size": 64, "write_batch_size": 7},
    "small2": {"compression": "GZIP", "data_page_size": 64, "write_batch_size": 7, "data_page_version": "2.0"},
    "groups": {"compression": "NONE", "row_group_size": 61, "data_page_size": 64, "write_batch_size": 5, "use_dictionary": False},
}
for name, options in variants.items():
    pq.write_table(table, f"{folder}/{name}.parquet", **options)
