// K2Iceberg
