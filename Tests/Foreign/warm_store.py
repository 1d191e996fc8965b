"""ClickHouse's engine with the tables of `k2-load schema` in it."""

import decimal
import json
import subprocess

from expectations import DECIMAL, OPTIONAL, QUOTE

TYPES = {
    "string": "String",
    "boolean": "Bool",
    "int": "Int32",
    "long": "Int64",
    "timestamptz": "DateTime64(6, 'UTC')",
    "uuid": "UUID",
    "list<string>": "Array(String)",
    "map<string, string>": "Map(String, String)",
    DECIMAL: "Decimal(38, 12)",
    QUOTE: "Decimal(38, 18)",
}
EXACT = {"date_time_output_format": "iso", "output_format_json_quote_decimals": 1, "output_format_json_quote_64bit_integers": 0}


def schema(tools, *arguments):
    """The text that the tool prints."""
    return subprocess.run([tools.path("k2-load"), "schema", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def statements(script):
    assert script.endswith(";\n")
    return script[:-2].split(";\n\n")


def plain_type(name, text):
    """A type of DESCRIBE without its dictionary; what may be absent must be Nullable."""
    text = text.removeprefix("LowCardinality(").removesuffix(")") if text.startswith("LowCardinality(") else text
    if name in OPTIONAL:
        assert text.startswith("Nullable("), (name, text)
        return text.removeprefix("Nullable(").removesuffix(")")
    return text


class WarmStore:
    """One engine; each test takes a database of its own."""

    def __init__(self, folder, configuration=None):
        from chdb.session import Session

        self.session = Session(f"{folder}?config-file={configuration}" if configuration else str(folder))

    def close(self):
        self.session.close()

    def run(self, sql):
        return str(self.session.query(sql, "TabSeparatedRaw"))

    def apply(self, script):
        for statement in statements(script) if isinstance(script, str) else script:
            self.run(statement)

    def rows(self, sql, **settings):
        """Decimals as text with their digits, times as RFC 3339, 64-bit integers exact."""
        clause = ", ".join(f"{name} = {value!r}" for name, value in (EXACT | settings).items())
        text = str(self.session.query(f"{sql} SETTINGS {clause}", "JSONEachRow"))
        return [json.loads(line, parse_float=decimal.Decimal) for line in text.splitlines()]

    def value(self, sql):
        (row,) = self.rows(sql)
        (value,) = row.values()
        return value

    def insert(self, table, records, **settings):
        """Records as they stand; `kind` and other members without a column are left out."""
        settings = {"date_time_input_format": "best_effort", "max_partitions_per_insert_block": 0} | settings
        clause = ", ".join(f"{name} = {value!r}" for name, value in settings.items())
        lines = "\n".join(json.dumps(record) for record in records)
        self.run(f"INSERT INTO {table} SETTINGS input_format_skip_unknown_fields = 1, {clause} FORMAT JSONEachRow\n{lines}")


def comparable(types, rows):
    """Rows of `WarmStore.rows` in the form that `expectations.difference` compares."""
    from readers import microseconds

    def value(type_text, found):
        if found is None or isinstance(found, (list, dict)):
            return found
        if type_text.startswith("decimal"):
            return decimal.Decimal(found)
        return microseconds(found) if type_text.startswith("timestamp") else found

    return [{name: value(type_text, row[name]) for name, type_text in types.items()} for row in rows]
