"""Prints what pyarrow and DuckDB say of a Parquet file's footer, one fact a line.

usage: describe.py FILE
"""

import sys

import duckdb
import pyarrow.parquet as pq

metadata = pq.ParquetFile(sys.argv[1]).metadata
print("created_by", metadata.created_by)
print("rows", metadata.num_rows)
for key, value in sorted((metadata.metadata or {}).items()):
    print("key", key.decode(), value.decode())
print(metadata.schema)
for group in range(metadata.num_row_groups):
    for index in range(metadata.num_columns):
        column = metadata.row_group(group).column(index)
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max:
            print("column", group, column.path_in_schema, column.num_values, "no bounds")
            continue
        print("column", group, column.path_in_schema, column.num_values, statistics.min, statistics.max, statistics.null_count)

bounds = "row_group_id, path_in_schema, stats_min_value, min_is_exact, stats_max_value, max_is_exact"
for row in duckdb.execute(f"select {bounds} from parquet_metadata('{sys.argv[1]}')").fetchall():
    print("bounds", *row)
