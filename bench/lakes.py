"""What pyiceberg is needed for around the runs, as a program of its own: a large parent would show in the memory of what it starts.

    python lakes.py copy                     makes the tables of the catalog `k2` in `default` too, without rows
    python lakes.py sums CATALOG TABLE…      a line of JSON: by table, number of rows, sums of decimals, and a hash over all columns

Both catalogs are configured as pyiceberg's are: PYICEBERG_CATALOG__K2__URI and so on.
"""

import json
import sys

import duckdb
from pyiceberg.catalog import load_catalog
from pyiceberg.types import DecimalType, MapType

NAMESPACE = "cold"


def copy():
    ours, script = load_catalog("k2"), load_catalog("default")
    script.create_namespace_if_not_exists(NAMESPACE)
    for identifier in ours.list_tables(NAMESPACE):
        table = ours.load_table(identifier)
        script.create_table(
            identifier, table.schema(), partition_spec=table.spec(), sort_order=table.sort_order(), properties=without_mapping(table.properties)
        )


def without_mapping(properties):
    """Of the properties, those that do not name field ids: the copy gets ids of its own."""
    return {name: value for name, value in properties.items() if name != "schema.name-mapping.default"}


def sums(table):
    """Neither depends on the order of rows, nor the hash on the order within a map."""
    fields = table.schema().fields
    decimals = [field.name for field in fields if isinstance(field.field_type, DecimalType)]
    values = [f'list_sort(map_entries("{field.name}"))' if isinstance(field.field_type, MapType) else f'"{field.name}"' for field in fields]
    totals = ["count(*)", *(f'sum("{name}")' for name in decimals), f"sum(hash({', '.join(values)})::HUGEINT)"]
    connection = duckdb.connect()
    connection.register("rows", table.scan().to_arrow_batch_reader())
    count, *totals, digest = connection.execute(f"SELECT {', '.join(totals)} FROM rows").fetchone()
    return {"count": count, "decimals": dict(zip(decimals, map(str, totals))), "hash": str(digest)}


def main():
    verb, *rest = sys.argv[1:]
    if verb == "copy":
        return copy()
    name, *tables = rest
    catalog = load_catalog(name)
    print(json.dumps({table: sums(catalog.load_table(f"{NAMESPACE}.{table}")) for table in tables}))


main()
