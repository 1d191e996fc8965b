COPY (SELECT * FROM read_parquet('{input}') ORDER BY canonical_symbol, timestamp) TO '{output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)
