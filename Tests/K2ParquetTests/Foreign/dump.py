"""Prints a Parquet file as another engine reads it, one line a row, cells by tabs.

usage: dump.py ENGINE FILE        ENGINE is pyarrow, duckdb or chdb

Cells: NULL; numbers in decimal, decimals unscaled, floats by their bits in hexadecimal; times in
microseconds and days since 1970; everything made of bytes in hexadecimal; [...] lists, {k:v,...} maps.
"""

import decimal
import struct
import sys

decimal.getcontext().prec = 80


def unscaled(value, scale):
    return str(int(decimal.Decimal(value).scaleb(scale)))


def cell(value, convert):
    return "NULL" if value is None else convert(value)


def by_hex(value):
    return (value.encode() if isinstance(value, str) else bytes(value)).hex()


def by_list(convert):
    return lambda values: "[" + ",".join(cell(value, convert) for value in values) + "]"


def by_map(key, value):
    def convert(entries):
        pairs = entries.items() if isinstance(entries, dict) else entries
        return "{" + ",".join(f"{cell(k, key)}:{cell(v, value)}" for k, v in pairs) + "}"

    return convert


def float_bits(value):
    return format(struct.unpack("<I", struct.pack("<f", value))[0], "x")


def double_bits(value):
    return format(struct.unpack("<Q", struct.pack("<d", value))[0], "x")


def from_pyarrow(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    types = pa.types

    def columns(array, kind):
        if isinstance(kind, pa.BaseExtensionType):
            return [cell(v, by_hex) for v in array.combine_chunks().storage.to_pylist()]
        if types.is_boolean(kind):
            return [cell(v, lambda v: str(v).lower()) for v in array.to_pylist()]
        if types.is_timestamp(kind):
            return [cell(v, str) for v in array.cast(pa.int64()).to_pylist()]
        if types.is_date32(kind):
            return [cell(v, str) for v in array.cast(pa.int32()).to_pylist()]
        if types.is_decimal(kind):
            return [cell(v, lambda v: unscaled(v, kind.scale)) for v in array.to_pylist()]
        if types.is_float32(kind):
            return [cell(v, float_bits) for v in array.to_pylist()]
        if types.is_float64(kind):
            return [cell(v, double_bits) for v in array.to_pylist()]
        if types.is_integer(kind):
            return [cell(v, str) for v in array.to_pylist()]
        if types.is_map(kind):
            return [cell(v, by_map(by_hex, by_hex)) for v in array.to_pylist()]
        if types.is_list(kind):
            return [cell(v, by_list(by_hex)) for v in array.to_pylist()]
        return [cell(v, by_hex) for v in array.to_pylist()]

    return zip(*(columns(table[name], table.schema.field(name).type) for name in table.column_names))


def from_duckdb(path):
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    described = connection.execute(f"describe select * from read_parquet('{path}')").fetchall()
    expressions, converters = [], []
    for name, kind, *_ in described:
        column = f'"{name}"'
        if kind == "BOOLEAN":
            expression, convert = column, lambda v: str(v).lower()
        elif kind.startswith("DECIMAL"):
            scale = int(kind.rstrip(")").split(",")[1])
            expression, convert = f"{column}::varchar", lambda v, scale=scale: unscaled(v, scale)
        elif kind == "TIMESTAMP WITH TIME ZONE":
            expression, convert = f"epoch_us({column})", str
        elif kind == "DATE":
            expression, convert = f"{column} - date '1970-01-01'", str
        elif kind == "FLOAT":
            expression, convert = column, float_bits
        elif kind == "DOUBLE":
            expression, convert = column, double_bits
        elif kind == "UUID":
            expression, convert = f"{column}::varchar", lambda v: v.replace("-", "")
        elif kind.startswith("MAP"):
            expression, convert = column, by_map(by_hex, by_hex)
        elif kind.endswith("[]"):
            expression, convert = column, by_list(by_hex)
        elif kind in ("VARCHAR", "BLOB"):
            expression, convert = column, by_hex
        else:
            expression, convert = column, str
        expressions.append(expression)
        converters.append(convert)
    rows = connection.execute(f"select {', '.join(expressions)} from read_parquet('{path}')").fetchall()
    return [[cell(v, convert) for v, convert in zip(row, converters)] for row in rows]


def from_chdb(path):
    import json

    import chdb

    def query(text):
        answer = str(chdb.query(text, "JSONCompactEachRow"))
        return [json.loads(line) for line in answer.splitlines()]

    source = f"file('{path}', Parquet)"
    expressions, converters = [], []
    for name, kind, *_ in query(f"describe table {source}"):
        column = f"`{name}`"
        kind = kind[len("Nullable(") : -1] if kind.startswith("Nullable(") else kind
        if kind == "Bool":
            expression, convert = f"toString({column})", str
        elif kind.startswith("Decimal"):
            scale = int(kind.rstrip(")").split(",")[1])
            expression, convert = f"toString({column})", lambda v, scale=scale: unscaled(v, scale)
        elif kind.startswith("DateTime64"):
            expression, convert = f"toString(toUnixTimestamp64Micro({column}))", str
        elif kind.startswith("Date"):
            expression, convert = f"toString(toInt32({column}))", str
        elif kind == "Float32":
            expression, convert = f"toString(reinterpretAsUInt32({column}))", lambda v: format(int(v), "x")
        elif kind == "Float64":
            expression, convert = f"toString(reinterpretAsUInt64({column}))", lambda v: format(int(v), "x")
        elif kind == "UUID":
            expression, convert = f"toString({column})", lambda v: v.replace("-", "")
        elif kind.startswith("Map"):
            expression = f"arrayMap((k, v) -> (hex(k), if(isNull(v), NULL, hex(v))), mapKeys({column}), mapValues({column}))"
            convert = by_map(str.lower, str.lower)
        elif kind.startswith("Array"):
            expression, convert = f"arrayMap(v -> hex(v), {column})", by_list(str.lower)
        elif "String" in kind:
            expression, convert = f"hex({column})", str.lower
        else:
            expression, convert = f"toString({column})", str
        expressions.append(expression)
        converters.append(convert)
    rows = query(f"select {', '.join(expressions)} from {source} settings max_threads = 1")
    return [[cell(v, convert) for v, convert in zip(row, converters)] for row in rows]


ENGINES = {"pyarrow": from_pyarrow, "duckdb": from_duckdb, "chdb": from_chdb}

if __name__ == "__main__":
    for row in ENGINES[sys.argv[1]](sys.argv[2]):
        print("\t".join(row))
