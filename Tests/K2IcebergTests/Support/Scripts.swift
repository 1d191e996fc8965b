/// Scripts for the foreign engines; each prints one JSON document.
enum Scripts {
    /// Writes rows as Parquet for a table of ours and tells its size, extremes and pyiceberg's own statistics.
    static let writeParquet = #"""
        import sys, json, datetime, decimal, uuid, os
        import pyarrow as pa, pyarrow.parquet as pq
        from pyiceberg.catalog import load_catalog
        from pyiceberg.io.pyarrow import (schema_to_pyarrow, data_file_statistics_from_parquet_metadata,
            compute_statistics_plan, parquet_path_to_id_mapping)
        from pyiceberg.types import PrimitiveType
        db, name, out, start, count, day = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
        table = load_catalog("k2", type="sql", uri="sqlite:///" + db).load_table(name)
        schema = table.schema()
        arrow = schema_to_pyarrow(schema)
        utc = datetime.timezone.utc
        rows = []
        for n in range(start, start + count):
            null = n % 7 == 3
            ts = datetime.datetime(1970, 1, 1, tzinfo=utc) + datetime.timedelta(days=day, microseconds=(n * 7919) % 86400000000)
            row = {
                "id": n, "ts": ts, "symbol": None if null else ["BTC/USDT", "ETH/USD", "DOGE-very-long-symbol-name", "Ünïcödé-😀-symbol-x"][n % 4],
                "price": None if null else decimal.Decimal(n * 1000003 - 5000000).scaleb(-12) * (-1 if n % 2 else 1),
                "flag": None if null else n % 2 == 0, "i": None if null else n - 50, "f": None if null else n * 0.5 + 0.25, "d": None if null else n * -0.25 - 0.125,
                "date": None if null else datetime.date(1970, 1, 1) + datetime.timedelta(days=day - 20000 * (n % 2)),
                "local": None if null else datetime.datetime(1969, 12, 31, 23, 59, 59, 999999) + datetime.timedelta(seconds=n),
                "uuid": None if null else uuid.UUID(int=n * 2**64 + 5).bytes, "bin": None if null else bytes([255] * 17 + [n % 256]),
                "fix": None if null else bytes([n % 256, 1, 2, 3]), "tags": None if null else ["a", "b"][: n % 3],
                "attrs": None if null else [("k%d" % i, None if i == 1 else "v") for i in range(n % 3)],
                "small": None if null else decimal.Decimal(n * 100 - 777).scaleb(-2), "inner": None if null else {"x": n, "y": None if n % 5 == 0 else "y%d" % n},
            }
            rows.append(row)
        data = pa.Table.from_pylist(rows, schema=arrow)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        pq.write_table(data, out, compression="zstd", store_schema=False)
        meta = pq.read_metadata(out)
        stats = data_file_statistics_from_parquet_metadata(meta, compute_statistics_plan(schema, table.properties), parquet_path_to_id_mapping(schema)).to_serialized_dict()
        def text(value):
            if isinstance(value, datetime.datetime):
                base = datetime.datetime(1970, 1, 1, tzinfo=value.tzinfo)
                return str((value - base) // datetime.timedelta(microseconds=1))
            if isinstance(value, datetime.date): return str((value - datetime.date(1970, 1, 1)).days)
            if isinstance(value, decimal.Decimal): return str(int(value.scaleb(-value.as_tuple().exponent)))
            if isinstance(value, bytes): return value.hex()
            return str(value)
        minmax = {}
        for field in schema.fields:
            if isinstance(field.field_type, PrimitiveType):
                values = [r[field.name] for r in rows if r[field.name] is not None]
                if values:
                    key = (lambda s: s.encode()) if isinstance(values[0], str) else (lambda v: v)
                    scale = getattr(field.field_type, "scale", None)
                    if scale is not None: values = [v.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=60)) for v in values]
                    minmax[str(field.field_id)] = [text(min(values, key=key)), text(max(values, key=key))]
        hexes = lambda d: {str(k): v.hex() for k, v in d.items()}
        ints = lambda d: {str(k): v for k, v in d.items()}
        print(json.dumps({"size": os.path.getsize(out), "rows": count, "minmax": minmax, "lower": hexes(stats["lower_bounds"]), "upper": hexes(stats["upper_bounds"]),
            "sizes": ints(stats["column_sizes"]), "values": ints(stats["value_counts"]), "nulls": ints(stats["null_value_counts"]), "offsets": stats["split_offsets"]}))
        """#

    /// What pyiceberg finds in a table.
    static let describe = #"""
        import sys, json
        from pyiceberg.catalog import load_catalog
        from pyiceberg.conversions import from_bytes
        db, name = sys.argv[1], sys.argv[2]
        table = load_catalog("k2", type="sql", uri="sqlite:///" + db).load_table(name)
        schema = table.schema()
        files = []
        for task in table.scan().plan_files():
            f = task.file
            files.append({"path": f.file_path, "records": f.record_count, "size": f.file_size_in_bytes, "partition": [str(x) for x in f.partition] if hasattr(f.partition, "__iter__") else [str(f.partition[i]) for i in range(len(f.partition))],
                "lower": {str(k): v.hex() for k, v in (f.lower_bounds or {}).items()}, "upper": {str(k): v.hex() for k, v in (f.upper_bounds or {}).items()},
                "nulls": {str(k): v for k, v in (f.null_value_counts or {}).items()}, "offsets": f.split_offsets, "order": f.sort_order_id})
        def planned(expression): return len(list(table.scan(row_filter=expression).plan_files()))
        arrow = table.scan().to_arrow()
        snap = table.current_snapshot()
        print(json.dumps({"files": files, "rows": arrow.num_rows, "sum": sum(arrow["id"].to_pylist()), "distinct": len(set(arrow["id"].to_pylist())),
            "day": planned("ts >= '2024-10-05T00:00:00+00:00' and ts < '2024-10-06T00:00:00+00:00'"), "none": planned("ts >= '2030-01-01T00:00:00+00:00'"),
            "bounds": planned("id >= 100"), "symbol": planned("symbol > 'zz'"), "price": planned("price > 1"),
            "history": [[s.snapshot_id, table.scan(snapshot_id=s.snapshot_id).to_arrow().num_rows] for s in table.snapshots()],
            "summary": {k: str(v) for k, v in snap.summary.additional_properties.items()} | {"operation": snap.summary.operation.value}, "sequence": snap.sequence_number,
            "refs": list(table.metadata.refs), "properties": dict(table.properties), "mapping": table.name_mapping() is not None,
            "sort": [f.source_id for f in table.sort_order().fields]}, default=str))
        """#

    /// Appends a Parquet file's rows with pyiceberg.
    static let append = #"""
        import sys
        from pyiceberg.catalog import load_catalog
        db, name, source = sys.argv[1], sys.argv[2], sys.argv[3]
        import pyarrow.parquet as pq
        table = load_catalog("k2", type="sql", uri="sqlite:///" + db).load_table(name)
        table.append(pq.read_table(source).cast(table.schema().as_arrow()))
        """#

    /// Makes a table with pyiceberg that has every transform.
    static let createForeign = #"""
        import sys, json
        from pyiceberg.catalog import load_catalog
        from pyiceberg.schema import Schema
        from pyiceberg.types import *
        from pyiceberg.partitioning import PartitionSpec, PartitionField
        from pyiceberg.transforms import *
        from pyiceberg.table.sorting import SortOrder, SortField
        import pyarrow as pa, datetime, decimal
        db, warehouse = sys.argv[1], sys.argv[2]
        catalog = load_catalog("k2", type="sql", uri="sqlite:///" + db, warehouse=warehouse)
        catalog.create_namespace_if_not_exists("foreign")
        schema = Schema(NestedField(1, "id", LongType(), required=False), NestedField(2, "ts", TimestamptzType(), required=False), NestedField(3, "symbol", StringType(), required=False),
            NestedField(4, "amount", DecimalType(12, 3), required=False), NestedField(5, "d", DateType(), required=False), NestedField(6, "u", UUIDType(), required=False),
            *[NestedField(n, "ts%d" % n, TimestamptzType(), required=False) for n in (7, 8, 9)])
        spec = PartitionSpec(*[PartitionField(source_id=s, field_id=1000 + i, transform=t, name=n) for i, (s, t, n) in enumerate([
            (2, YearTransform(), "y"), (7, MonthTransform(), "m"), (8, DayTransform(), "dd"), (9, HourTransform(), "h"), (3, IdentityTransform(), "symbol"),
            (1, BucketTransform(16), "id_b"), (3, BucketTransform(7), "s_b"), (3, TruncateTransform(3), "s_t"), (1, TruncateTransform(10), "id_t"), (4, TruncateTransform(50), "a_t"),
            (4, BucketTransform(5), "a_b"), (5, MonthTransform(), "d_m"), (4, IdentityTransform(), "a_i"), (6, BucketTransform(11), "u_b"), (2, BucketTransform(13), "ts_b"), (5, BucketTransform(9), "d_b")])])
        table = catalog.create_table("foreign.t", schema, partition_spec=spec, sort_order=SortOrder(SortField(source_id=3)), properties={"write.metadata.previous-versions-max": "3"})
        utc = datetime.timezone.utc
        rows = [{"id": n * 37 - 60, "ts": datetime.datetime(1969, 12, 30, 22, 30, tzinfo=utc) + datetime.timedelta(hours=n * 1117, microseconds=n),
            "symbol": None if n == 4 else ["BTC", "éa-😀x", "", "ETH/USD"][n % 4], "amount": decimal.Decimal(n * 1234 - 3000).scaleb(-3),
            "d": datetime.date(1969, 12, 1) + datetime.timedelta(days=n * 45), "u": bytes([n] * 16)} for n in range(6)]
        rows = [r | {"ts7": r["ts"], "ts8": r["ts"], "ts9": r["ts"]} for r in rows]
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
        table.append(pa.Table.from_pylist(rows[:2], schema=table.schema().as_arrow()))
        table = catalog.load_table("foreign.t")
        def plain(v): return v.hex() if isinstance(v, bytes) else str(v)
        files = []
        for task in table.scan().plan_files():
            f = task.file
            files.append({"path": f.file_path, "records": f.record_count, "partition": [plain(f.partition[i]) for i in range(len(spec.fields))]})
        print(json.dumps({"files": files, "snapshots": [s.snapshot_id for s in table.snapshots()], "uuid": str(table.metadata.table_uuid),
            "rows": [{"id": r["id"], "ts": (r["ts"] - datetime.datetime(1970, 1, 1, tzinfo=utc)) // datetime.timedelta(microseconds=1),
                "symbol": r["symbol"], "amount": int(r["amount"].scaleb(3)), "d": (r["d"] - datetime.date(1970, 1, 1)).days, "u": r["u"].hex()} for r in rows]}))
        """#

    /// Reads a table with DuckDB.
    static let duckDB = #"""
        import sys, json, os, duckdb, duckdb_extension_iceberg, duckdb_extension_avro
        con = duckdb.connect()
        base = lambda m, n: os.path.join(os.path.dirname(m.__file__), "extensions", "v" + duckdb.__version__, n + ".duckdb_extension")
        con.execute("LOAD '%s'" % base(duckdb_extension_avro, "avro"))
        con.execute("LOAD '%s'" % base(duckdb_extension_iceberg, "iceberg"))
        location = sys.argv[1]
        print(json.dumps({"rows": con.execute("SELECT count(*), sum(id)::BIGINT, sum(price)::VARCHAR FROM iceberg_scan('%s')" % location).fetchone(),
            "day": con.execute("SELECT count(*) FROM iceberg_scan('%s') WHERE ts >= TIMESTAMPTZ '2024-10-05 00:00:00+00' AND ts < TIMESTAMPTZ '2024-10-06 00:00:00+00'" % location).fetchone()[0],
            "nulls": con.execute("SELECT count(*) FROM iceberg_scan('%s') WHERE symbol IS NULL" % location).fetchone()[0],
            "map": con.execute("SELECT sum(cardinality(attrs))::BIGINT FROM iceberg_scan('%s')" % location).fetchone()[0]}))
        """#

    /// Reads a table with the ClickHouse engine.
    static let clickHouse = #"""
        import sys, json, os
        os.chdir("/")  # the engine reads files below its working folder only
        import chdb
        folder = sys.argv[1]
        q = lambda sql: json.loads(str(chdb.query(sql, "JSONCompact")))["data"]
        print(json.dumps({"rows": q("SELECT toString(count()), toString(sum(id)), toString(sum(price)) FROM icebergLocal('%s')" % folder)[0],
            "day": q("SELECT toString(count()) FROM icebergLocal('%s') WHERE ts >= toDateTime64('2024-10-05 00:00:00', 6, 'UTC') AND ts < toDateTime64('2024-10-06 00:00:00', 6, 'UTC')" % folder)[0][0],
            "nulls": q("SELECT toString(count()) FROM icebergLocal('%s') WHERE symbol IS NULL" % folder)[0][0]}))
        """#
}
