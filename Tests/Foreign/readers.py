"""Three engines that read the lake, each returning plain Python values.

Every reader answers `rows(lake, table)` with a list of dictionaries in which decimals are Decimal, times are
integer microseconds since 1970, UUIDs and texts are str, lists are lists and maps are dictionaries.
"""

import datetime
import decimal
import importlib.util
import json
import pathlib
import re
import urllib.parse
import uuid

from pipeline import NAMESPACE

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)


def microseconds(text):
    """RFC 3339 UTC text with six decimals → microseconds since 1970. Year 9999 included."""
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return (moment - EPOCH) // MICROSECOND


def plain_path(location):
    """file:///a, file:/a and /a are the same place."""
    return urllib.parse.unquote(re.sub(r"^file:(//)?", "", location))


def metadata_location(lake, table):
    for _, namespace, name, location in lake.catalog_rows:
        if (namespace, name) == (NAMESPACE, table):
            return plain_path(location)
    raise KeyError(table)


def plain(value):
    """A value of pyarrow or DuckDB in the common form."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return {k: v for k, v in value}
        return [plain(v) for v in value]
    return value


def arrow_rows(arrow):
    """Rows of an Arrow table as plain values."""
    columns = {}
    for field in arrow.schema:
        column = arrow.column(field.name)
        if str(field.type).startswith("timestamp"):
            columns[field.name] = column.cast("int64").to_pylist()
        elif str(field.type) in ("extension<arrow.uuid>", "fixed_size_binary[16]"):
            columns[field.name] = [None if v is None else str(v if isinstance(v, uuid.UUID) else uuid.UUID(bytes=v)) for v in column.to_pylist()]
        elif str(field.type).startswith("map"):
            columns[field.name] = [None if v is None else dict(v) for v in column.to_pylist()]
        else:
            columns[field.name] = column.to_pylist()
    return [dict(zip(columns, values)) for values in zip(*columns.values())]


class PyIceberg:
    name = "pyiceberg"

    def catalog(self, lake):
        from pyiceberg.catalog.sql import SqlCatalog

        names = {row[0] for row in lake.catalog_rows}
        assert len(names) == 1, names
        return SqlCatalog(
            names.pop(), uri=f"sqlite:///{lake.folder / 'k2.db'}", warehouse=f"file://{lake.folder / 'warehouse'}", init_catalog_tables="false"
        )

    def table(self, lake, name):
        return self.catalog(lake).load_table(f"{NAMESPACE}.{name}")

    def tables(self, lake):
        return sorted(name for _, name in self.catalog(lake).list_tables(NAMESPACE))

    def rows(self, lake, name, row_filter=None):
        from pyiceberg.expressions import AlwaysTrue

        return arrow_rows(self.table(lake, name).scan(row_filter=row_filter or AlwaysTrue()).to_arrow())


class DuckDB:
    name = "duckdb"

    def connect(self):
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET autoinstall_known_extensions=false; SET autoload_known_extensions=false; SET TimeZone='UTC'")
        # The order matters: the Iceberg extension uses the Avro one.
        for extension in ("avro", "iceberg"):
            self.load(connection, extension)
        return connection

    @staticmethod
    def load(connection, extension):
        package = importlib.util.find_spec(f"duckdb_extension_{extension}")
        file = next(pathlib.Path(package.submodule_search_locations[0]).rglob(f"{extension}.duckdb_extension"))
        connection.execute(f"LOAD '{file}'")

    def source(self, lake, table):
        return f"iceberg_scan('{metadata_location(lake, table)}')"

    def rows(self, lake, table, where="true"):
        connection = self.connect()
        description = connection.execute(f"DESCRIBE SELECT * FROM {self.source(lake, table)}").fetchall()
        select = ", ".join(f'epoch_us("{name}") AS "{name}"' if type.startswith("TIMESTAMP") else f'"{name}"' for name, type, *_ in description)
        cursor = connection.execute(f"SELECT {select} FROM {self.source(lake, table)} WHERE {where}")
        names = [column[0] for column in cursor.description]
        return [{n: plain(v) for n, v in zip(names, row)} for row in cursor.fetchall()]


class ClickHouse:
    name = "clickhouse"

    def query(self, sql):
        import chdb

        return [json.loads(line, parse_float=decimal.Decimal) for line in str(chdb.query(sql, "JSONEachRow")).splitlines()]

    def source(self, lake, table):
        return f"icebergLocal('{pathlib.Path(metadata_location(lake, table)).parent.parent}')"

    SETTINGS = "SETTINGS output_format_json_quote_decimals=1, output_format_json_quote_64bit_integers=0"

    def rows(self, lake, table, where="1"):
        source = self.source(lake, table)
        types = {row["name"]: row["type"] for row in self.query(f"DESCRIBE {source}")}
        select = ", ".join(
            f"toUnixTimestamp64Micro(`{name}`) AS `{name}`" if "DateTime64" in type else f"`{name}`" for name, type in types.items()
        )
        rows = self.query(f"SELECT {select} FROM (SELECT * FROM {source} WHERE {where}) {self.SETTINGS}")
        decimals = [name for name, type in types.items() if "Decimal" in type]
        for row in rows:
            for name in decimals:
                row[name] = None if row[name] is None else decimal.Decimal(row[name])
        return rows


READERS = [PyIceberg(), DuckDB(), ClickHouse()]
