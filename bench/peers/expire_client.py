"""Expires all snapshots of a table but the heads of its branches, by pyiceberg: python expire_client.py DATABASE

pyiceberg changes the metadata only. It deletes no file, and does not find out which ones nobody needs any more.
"""

import datetime
import sys
import time

from pyiceberg.catalog.sql import SqlCatalog

catalog = SqlCatalog("k2", uri=f"sqlite:///{sys.argv[1]}", init_catalog_tables="false")
started = time.perf_counter()
table = catalog.load_table("cold.history")
table.maintenance.expire_snapshots().older_than(datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)).commit()
print(f"seconds: {time.perf_counter() - started}", file=sys.stderr)
