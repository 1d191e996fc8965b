// K2Parquet
