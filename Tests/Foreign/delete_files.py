"""Delete files as engines write them that we have none of: made with pyarrow, and committed with pyiceberg's writers of manifests; and which rows
they leave, by the rules of the format alone.

Source: https://iceberg.apache.org/spec/#row-level-deletes
"""

import uuid
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as parquet
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate

from maintain_process import plain

FIELD_ID = b"PARQUET:field_id"
POSITION_SCHEMA = pa.schema(
    [
        pa.field("file_path", pa.string(), nullable=False, metadata={FIELD_ID: b"2147483546"}),
        pa.field("pos", pa.int64(), nullable=False, metadata={FIELD_ID: b"2147483545"}),
    ]
)


class DeleteManifestWriter(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def entries(table, content):
    """Live entries of the current snapshot, with their partition specs."""
    found = []
    for manifest in table.current_snapshot().manifests(table.io) if table.current_snapshot() else []:
        if manifest.content == content:
            found += [(entry, manifest.partition_spec_id) for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)]
    return found


def write(table, content, arrow, spec_id, partition, equality_ids=None):
    """A delete file in the store, as a manifest describes it."""
    path = f"{table.location()}/data/deletes-{uuid.uuid4()}.parquet"
    with table.io.new_output(path).create() as stream:
        parquet.write_table(arrow, stream)
    file = DataFile.from_args(
        content=content,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=partition,
        record_count=arrow.num_rows,
        file_size_in_bytes=len(table.io.new_input(path)),
        column_sizes={},
        value_counts={},
        null_value_counts={},
        nan_value_counts={},
        lower_bounds={},
        upper_bounds={},
        equality_ids=equality_ids,
    )
    file.spec_id = spec_id
    return file


def equality_deletes(table, keys, ids, spec_id, partition):
    """Deletes the rows whose columns `ids` have one of the tuples of values `keys`."""
    schema = pa.schema([field for field in table.schema().as_arrow() if int(field.metadata[FIELD_ID]) in ids])
    order = [ids.index(int(field.metadata[FIELD_ID])) for field in schema]
    arrow = pa.Table.from_pylist([{field.name: key[place] for field, place in zip(schema, order)} for key in keys], schema=schema)
    return write(table, DataFileContent.EQUALITY_DELETES, arrow, spec_id, partition, sorted(ids))


def position_deletes(table, positions, spec_id, partition):
    """Deletes rows by pairs of a path and a row's number."""
    arrow = pa.Table.from_pylist([{"file_path": path, "pos": position} for path, position in sorted(positions)], schema=POSITION_SCHEMA)
    return write(table, DataFileContent.POSITION_DELETES, arrow, spec_id, partition)


def commit(table, files):
    """A snapshot that adds delete files."""
    table.refresh()
    metadata, parent = table.metadata, table.current_snapshot()
    snapshot_id = metadata.new_snapshot_id()
    manifests = list(parent.manifests(table.io)) if parent else []
    for spec_id in sorted({file.spec_id for file in files}):
        output = table.io.new_output(f"{table.location()}/metadata/{uuid.uuid4()}-m0.avro")
        with DeleteManifestWriter(table.specs()[spec_id], table.schema(), output, snapshot_id, "deflate") as writer:
            for file in files:
                if file.spec_id == spec_id:
                    writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, data_file=file))
        manifests.append(writer.to_manifest_file())
    location = f"{table.location()}/metadata/snap-{snapshot_id}.avro"
    sequence_number = metadata.next_sequence_number()
    parent_id = parent.snapshot_id if parent else None
    with write_manifest_list(2, table.io.new_output(location), snapshot_id, parent_id, sequence_number, "deflate") as writer:
        writer.add_manifests(manifests)
    snapshot = Snapshot(
        snapshot_id=snapshot_id,
        parent_snapshot_id=parent_id,
        sequence_number=sequence_number,
        manifest_list=location,
        summary=Summary(Operation.DELETE),
        schema_id=metadata.current_schema_id,
    )
    reference = SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot_id)
    table.catalog.commit_table(table, (AssertRefSnapshotId(ref="main", snapshot_id=parent_id),), (AddSnapshotUpdate(snapshot=snapshot), reference))
    table.refresh()


# What is left, by the rules of the format ----------------------------------------------------------------------


def by_id(location):
    """The rows of a data file: dictionaries by field id."""
    arrow = parquet.ParquetFile(plain(location)).read()
    ids = [int(field.metadata[FIELD_ID]) for field in arrow.schema]
    return [dict(zip(ids, row)) for row in zip(*(column.to_pylist() for column in arrow.columns))] if arrow.num_rows else []


def rows_left(table):
    """The rows of the table in its present columns, with how often each is there. Top-level columns of plain values only."""
    deletes = []
    for entry, spec_id in entries(table, ManifestContent.DELETES):
        file = entry.data_file
        rows = by_id(file.file_path)
        if file.content == DataFileContent.POSITION_DELETES:
            held = {(row[2147483546], row[2147483545]) for row in rows}
        else:
            held = {tuple(row[id] for id in file.equality_ids) for row in rows}
        deletes.append((file.content, entry.sequence_number, spec_id, tuple(file.partition), file.equality_ids, held))
    left = Counter()
    ids = [field.field_id for field in table.schema().fields]
    for entry, spec_id in entries(table, ManifestContent.DATA):
        path, written = entry.data_file.file_path, entry.sequence_number
        place = (spec_id, tuple(entry.data_file.partition))
        for position, row in enumerate(by_id(path)):
            for content, deleted, delete_spec, partition, equality_ids, held in deletes:
                is_same = (delete_spec, partition) == place
                if content == DataFileContent.POSITION_DELETES:
                    if is_same and written <= deleted and (path, position) in held:
                        break
                elif (is_same or not table.specs()[delete_spec].fields) and written < deleted and tuple(row.get(id) for id in equality_ids) in held:
                    break
            else:
                left[tuple(row.get(id) for id in ids)] += 1
    return left
