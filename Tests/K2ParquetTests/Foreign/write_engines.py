"""Writes Parquet files with DuckDB or the ClickHouse engine in each of their codecs and versions.

usage: write_engines.py ENGINE FOLDER      prints one path a line; ENGINE is duckdb or chdb

The columns are of types that dump.py prints for that engine.
"""

import sys

engine, folder = sys.argv[1:]
count = 3000


def by_duckdb():
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    query = f"""
        select i::int as small, case when i % 7 = 0 then null else i * i end as large, i % 3 = 0 as flag,
            (i * 1000003 % 9973)::decimal(9, 2) as d9, (i::bigint * 1000003)::decimal(18, 4) as d18, (i::hugeint * 1000000007 * 998244353)::decimal(38, 12) as d38,
            (i / 7)::float as f, i / 11 as d, date '1970-01-01' + i::int as day, to_timestamp(1771372800 + i / 1000) as time,
            case when i % 5 = 0 then null else 'text-' || (i % 100) end as text, 'BINANCE-' || (388511000 + i) as id,
            md5(i::varchar)::uuid as uuid, encode('x' || i)::blob as bin,
            case when i % 11 = 0 then null else list_transform(range(i % 4), x -> 'e' || (x + i)) end as list,
            map(list_transform(range(i % 3), x -> 'k' || x), list_transform(range(i % 3), x -> 'v' || (x * i))) as map
        from range({count}) r(i)"""
    for codec in ["uncompressed", "snappy", "gzip", "zstd"]:
        for version in ["V1", "V2"]:
            path = f"{folder}/{codec}-{version}.parquet"
            connection.execute(f"copy ({query}) to '{path}' (format parquet, codec {codec}, parquet_version {version}, row_group_size 2048)")
            print(path)


def by_chdb():
    import chdb

    query = f"""
        select toInt32(number) as small, if(number % 7 = 0, null, toInt64(number * number)) as large, number % 3 = 0 as flag,
            toDecimal32(number * 1000003 % 9973, 2) as d9, toDecimal64(number * 1000003, 4) as d18, toDecimal128(number * 1000000007, 12) as d38,
            toFloat32(number / 7) as f, toFloat64(number / 11) as d, toDate32(number) as day, toDateTime64(1771372800 + number / 1000, 6, 'UTC') as time,
            if(number % 5 = 0, null, 'text-' || toString(number % 100)) as text, 'BINANCE-' || toString(388511000 + number) as id,
            toLowCardinality('c' || toString(number % 9)) as low,
            arrayMap(x -> 'e' || toString(x + number), range(number % 4)) as list,
            mapFromArrays(arrayMap(x -> 'k' || toString(x), range(number % 3)), arrayMap(x -> 'v' || toString(x * number), range(number % 3))) as map
        from numbers({count})"""
    for codec in ["none", "snappy", "gzip", "zstd"]:
        for version in ["1.0", "2.6"]:
            path = f"{folder}/{codec}-{version[0]}.parquet"
            settings = f"output_format_parquet_compression_method = '{codec}', output_format_parquet_version = '{version}', output_format_parquet_data_page_size = 5000"
            chdb.query(f"{query} into outfile '{path}' format Parquet settings {settings}")
            print(path)


{"duckdb": by_duckdb, "chdb": by_chdb}[engine]()
