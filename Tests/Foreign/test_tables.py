"""Schema, partitions, sort order, name mapping and snapshot summaries, as pyiceberg reads them."""

import json
import pathlib

import pyarrow.parquet as parquet
import pytest
from pyiceberg.conversions import from_bytes

from expectations import COLUMNS, OPTIONAL
from pipeline import INTERVALS
from readers import PyIceberg, plain_path

# Table → (partition fields, sort columns).
LAYOUT = {
    **{f"bronze_trades_{e}": (["day(exchange_timestamp)"], ["symbol", "exchange_timestamp"]) for e in ("binance", "kraken", "coinbase")},
    "silver_trades": (["day(timestamp)"], ["canonical_symbol", "timestamp"]),
    **{f"gold_ohlcv_{i}": (["month(window_start)", "identity(exchange)"], ["canonical_symbol", "window_start"]) for i in INTERVALS},
    "feed_gaps": (["day(detected_at)"], ["symbol", "detected_at"]),
}


@pytest.fixture(params=sorted(LAYOUT))
def name(request):
    return request.param


@pytest.fixture
def table(lake, name):
    return PyIceberg().table(lake, name)


def test_format_version_is_2(table):
    assert table.metadata.format_version == 2


def test_columns_and_types(table, name):
    assert {field.name: str(field.field_type) for field in table.schema().fields} == COLUMNS[name]


def test_only_what_may_be_absent_is_optional(table):
    assert {field.name for field in table.schema().fields if not field.required} == OPTIONAL & {f.name for f in table.schema().fields}


def test_field_ids_are_unique_and_in_order(table):
    ids = [field.field_id for field in table.schema().fields]
    assert ids == list(range(1, len(ids) + 1))
    assert table.metadata.last_column_id == max(table.schema()._lazy_id_to_field)


def test_partitions_and_sort_order(table, name):
    partitions, sort = LAYOUT[name]
    schema = table.schema()
    found = [f"{field.transform}({schema.find_column_name(field.source_id)})" for field in table.spec().fields]
    assert found == partitions
    order = table.sort_order().fields
    assert [schema.find_column_name(field.source_id) for field in order] == sort
    assert all(str(field.transform) == "identity" and field.direction.name == "ASC" for field in order)


def test_name_mapping_covers_every_column(table):
    mapping = json.loads(table.properties["schema.name-mapping.default"])
    found = {name: entry["field-id"] for entry in mapping for name in entry["names"]}
    assert found == {field.name: field.field_id for field in table.schema().fields}


def test_snapshot_summaries_hold_a_batch_id_of_their_own(table):
    summaries = [snapshot.summary for snapshot in table.snapshots()]
    assert summaries
    ids = [value for summary in summaries for key, value in summary.additional_properties.items() if "batch" in key]
    assert len(ids) == len(summaries)
    assert len(set(ids)) == len(ids)


def data_files(table):
    """The live data files with all that their manifests say of them."""
    return [
        entry.data_file
        for manifest in table.current_snapshot().manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]


def test_summary_totals_are_those_of_the_files(table):
    summary = table.current_snapshot().summary.additional_properties
    files = data_files(table)
    assert int(summary["total-records"]) == sum(file.record_count for file in files)
    assert int(summary["total-data-files"]) == len(files)
    assert int(summary["total-files-size"]) == sum(file.file_size_in_bytes for file in files)
    for file in files:
        assert pathlib.Path(plain_path(file.file_path)).stat().st_size == file.file_size_in_bytes


def test_bounds_and_counts_are_those_of_the_data(table):
    """Per file and column: the statistics that engines prune by must be true."""
    checked = 0
    for file in data_files(table):
        data = parquet.read_table(plain_path(file.file_path))
        assert data.num_rows == file.record_count
        for field in table.schema().fields:
            if not field.field_type.is_primitive:
                continue
            values = comparable(data[field.name], field.field_type)
            present = [value for value in values if value is not None]
            if field.field_id in (file.null_value_counts or {}):
                assert file.null_value_counts[field.field_id] == len(values) - len(present), field.name
            if field.field_id in (file.value_counts or {}):
                assert file.value_counts[field.field_id] == len(values), field.name
            if field.field_id in (file.lower_bounds or {}):
                assert from_bytes(field.field_type, file.lower_bounds[field.field_id]) <= min(present), field.name
                assert from_bytes(field.field_type, file.upper_bounds[field.field_id]) >= max(present), field.name
                checked += 1
    assert checked > 0, "no file has any bounds"


def comparable(column, type):
    """The values of a column as pyiceberg decodes bounds of its type."""
    if str(type) == "timestamptz":
        return column.cast("int64").to_pylist()
    if str(type) == "uuid":
        return [value if isinstance(value, bytes) else value.bytes for value in column.to_pylist()]
    return column.to_pylist()


def test_the_sort_columns_have_bounds(table, name):
    _, sort = LAYOUT[name]
    ids = {table.schema().find_field(column).field_id for column in sort}
    for file in data_files(table):
        assert ids <= set(file.lower_bounds) and ids <= set(file.upper_bounds)


def test_files_are_sorted_and_hold_one_partition(table, name):
    _, sort = LAYOUT[name]
    for task in table.scan().plan_files():
        data = parquet.read_table(plain_path(task.file.file_path), columns=sort).to_pylist()
        keys = [tuple(row[column] for column in sort) for row in data]
        assert keys == sorted(keys)
        time = sort[1]
        months = name.startswith("gold")
        assert len({row[time].strftime("%Y-%m" if months else "%Y-%m-%d") for row in data}) == 1


def test_files_are_zstd_with_field_ids(table):
    for task in table.scan().plan_files():
        file = parquet.ParquetFile(plain_path(task.file.file_path))
        metadata = file.metadata
        codecs = {metadata.row_group(g).column(c).compression for g in range(metadata.num_row_groups) for c in range(metadata.num_columns)}
        # A column that zstd cannot make smaller, such as random UUIDs, is stored as it is.
        assert "ZSTD" in codecs <= {"ZSTD", "UNCOMPRESSED"}
        ids = {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in file.schema_arrow}
        assert ids == {field.name: field.field_id for field in table.schema().fields}
