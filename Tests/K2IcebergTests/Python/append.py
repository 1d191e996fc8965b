"""Appends a Parquet file's rows with pyiceberg."""
import sys
from pyiceberg.catalog import load_catalog
db, name, source = sys.argv[1], sys.argv[2], sys.argv[3]
import pyarrow.parquet as pq
table = load_catalog("k2", type="sql", uri=db if "://" in db else "sqlite:///" + db).load_table(name)
rows = pq.read_table(source).cast(table.schema().as_arrow())
for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 1):
    table = load_catalog("k2", type="sql", uri=db if "://" in db else "sqlite:///" + db).load_table(name)
    table.append(rows)
