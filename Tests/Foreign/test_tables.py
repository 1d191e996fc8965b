"""Schema, partitions, sort order, name mapping and snapshot summaries, as pyiceberg reads them."""

import json

import pytest

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


def test_summary_totals_are_those_of_the_files(table):
    summary = table.current_snapshot().summary.additional_properties
    files = table.inspect.files()
    assert int(summary["total-records"]) == sum(files["record_count"].to_pylist())
    assert int(summary["total-data-files"]) == files.num_rows
    assert int(summary["total-files-size"]) == sum(files["file_size_in_bytes"].to_pylist())


def test_bounds_and_null_counts_are_those_of_the_data(table):
    """Per file and column: the statistics an engine prunes by must be true."""
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    for file in table.inspect.files().to_pylist():
        data = parquet.read_table(plain_path(file["file_path"]))
        assert data.num_rows == file["record_count"]
        for column, metrics in file["readable_metrics"].items():
            if column not in data.column_names or metrics["lower_bound"] is None:
                continue
            values = data[column]
            if str(values.type).startswith(("fixed_size_binary", "extension")):
                continue
            smallest, largest = compute.min_max(values).as_py().values()
            assert metrics["lower_bound"] <= smallest, (file["file_path"], column)
            assert metrics["upper_bound"] >= largest, (file["file_path"], column)
            if metrics["null_value_count"] is not None:
                assert metrics["null_value_count"] == values.null_count, (file["file_path"], column)


def test_files_are_sorted_and_hold_one_partition(table, name):
    import pyarrow.parquet as parquet

    _, sort = LAYOUT[name]
    for task in table.scan().plan_files():
        data = parquet.read_table(plain_path(task.file.file_path), columns=sort).to_pylist()
        keys = [tuple(row[column] for column in sort) for row in data]
        assert keys == sorted(keys)
        time = sort[1]
        months = name.startswith("gold")
        assert len({row[time].strftime("%Y-%m" if months else "%Y-%m-%d") for row in data}) == 1


def test_files_are_zstd_with_field_ids(table):
    import pyarrow.parquet as parquet

    for task in table.scan().plan_files():
        file = parquet.ParquetFile(plain_path(task.file.file_path))
        metadata = file.metadata
        codecs = {metadata.row_group(g).column(c).compression for g in range(metadata.num_row_groups) for c in range(metadata.num_columns)}
        assert codecs == {"ZSTD"}
        ids = {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in file.schema_arrow}
        assert ids == {field.name: field.field_id for field in table.schema().fields}
