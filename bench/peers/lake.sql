COPY (SELECT * EXCLUDE (kind) FROM read_json('{input}', format = 'newline_delimited', columns = {columns}) WHERE kind = 'trade'{order})
TO '{output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)
