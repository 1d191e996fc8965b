"""Prints what pyarrow says of a Parquet file's footer, one fact a line.

usage: describe.py FILE
"""

import sys

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
        facts = statistics.min, statistics.max, statistics.null_count, statistics.is_min_exact, statistics.is_max_exact
        print("column", group, column.path_in_schema, column.num_values, *facts)
