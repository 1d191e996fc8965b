"""ClickHouse's HTTP interface over the ClickHouse engine in chdb, for development and tests.

Queries, formats, storage and error texts are the engine's own; these modules are the transport around it.
"""
