"""Makes an Iceberg table with a long history: python history.py FOLDER [snapshots] [files of a snapshot]

Each snapshot adds files, and every tenth removes those of the five before it, as a compaction would; a hundred manifests are merged into one. All data
files are one small Parquet file under many names. Manifests and lists are written by pyiceberg's own writers, the metadata is put together here:
a thousand commits through its catalog would take a quarter of an hour. The catalog is FOLDER/k2.db, the table cold.history.
"""

import os
import pathlib
import sys
import time
import uuid

import pyarrow
import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io import load_file_io
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestEntry, ManifestEntryStatus, write_manifest, write_manifest_list
from pyiceberg.table.refs import SnapshotRef
from pyiceberg.table.snapshots import Operation, Snapshot, SnapshotLogEntry, Summary
from pyiceberg.typedef import Record

ROWS = 10
MERGED_FROM = 100
HOUR = 3_600_000


class History:
    def __init__(self, table, source):
        self.table, self.source = table, source
        self.io = load_file_io({}, table.location())
        self.folder = f"{table.location()}/metadata"
        self.manifests, self.entries = [], {}  # entries by the path of their manifest
        self.snapshots, self.number = [], 0

    def data_file(self):
        path = f"{self.table.location()}/data/{self.number:06}.parquet"
        self.number += 1
        os.link(self.source, path.removeprefix("file://"))
        file = DataFile.from_args(
            content=DataFileContent.DATA, file_path=path, file_format=FileFormat.PARQUET, partition=Record(), record_count=ROWS,
            file_size_in_bytes=self.source.stat().st_size, column_sizes={1: 90, 2: 120}, value_counts={1: ROWS, 2: ROWS},
            null_value_counts={1: 0, 2: 0}, nan_value_counts={}, lower_bounds={1: b"\0" * 8, 2: b"row 0"}, upper_bounds={1: b"\t" + b"\0" * 7, 2: b"row 9"},
            key_metadata=None, split_offsets=[4], equality_ids=None, sort_order_id=None)
        file.spec_id = 0
        return file

    def write(self, id, sequence, entries):
        path = f"{self.folder}/{uuid.uuid4()}-m0.avro"
        with write_manifest(2, self.table.spec(), self.table.schema(), self.io.new_output(path), id, "deflate") as writer:
            for entry in entries:
                writer.add_entry(entry)
        self.entries[path] = [entry for entry in entries if entry.status != ManifestEntryStatus.DELETED]
        return writer.to_manifest_file()

    def again(self, entry, status, id=None):
        """The entry of a file that an earlier snapshot added."""
        return ManifestEntry.from_args(
            status=status, snapshot_id=id or entry.snapshot_id, sequence_number=1, file_sequence_number=1, data_file=entry.data_file)

    def commit(self, id, sequence, at, files):
        entries = [ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=id, data_file=self.data_file()) for _ in range(files)]
        if sequence % 10 == 0:
            gone, self.manifests = self.manifests[:5], self.manifests[5:]
            entries += [self.again(entry, ManifestEntryStatus.DELETED, id) for manifest in gone for entry in self.entries[manifest.manifest_path][:files]]
            rest = [self.again(entry, ManifestEntryStatus.EXISTING) for manifest in gone for entry in self.entries[manifest.manifest_path][files:]]
            entries += rest
        self.manifests.insert(0, self.write(id, sequence, entries))
        if len(self.manifests) >= MERGED_FROM:
            live = [self.again(entry, ManifestEntryStatus.EXISTING) for manifest in self.manifests for entry in self.entries[manifest.manifest_path]]
            self.manifests = [self.write(id, sequence, live)]
        parent = self.snapshots[-1].snapshot_id if self.snapshots else None
        path = f"{self.folder}/snap-{id}-0-{uuid.uuid4()}.avro"
        with write_manifest_list(2, self.io.new_output(path), id, parent, sequence, "deflate") as writer:
            writer.add_manifests(self.manifests)
        self.snapshots.append(
            Snapshot(
                snapshot_id=id, parent_snapshot_id=parent, sequence_number=sequence, timestamp_ms=at, manifest_list=path, schema_id=0,
                summary=Summary(Operation.APPEND, **{"total-records": str(ROWS), "total-data-files": "1", "total-files-size": "1"})))


def main(folder, snapshots=1000, files=20):
    root = pathlib.Path(folder).resolve()
    (root / "warehouse/cold/history/data").mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog("k2", uri=f"sqlite:///{root}/k2.db", warehouse=f"file://{root}/warehouse")
    catalog.create_namespace_if_not_exists("cold")
    rows = pyarrow.table({"id": pyarrow.array(range(ROWS), pyarrow.int64()), "name": [f"row {number}" for number in range(ROWS)]})
    table = catalog.create_table("cold.history", rows.schema)
    source = root / "one.parquet"
    pyarrow.parquet.write_table(rows, source)
    history = History(table, source)
    first = int(time.time() * 1000) - snapshots * HOUR
    for number in range(snapshots):
        history.commit(1_000_000 + number, number + 1, first + number * HOUR, files)
    head = history.snapshots[-1]
    metadata = table.metadata.model_copy(
        update={
            "last_sequence_number": snapshots, "last_updated_ms": head.timestamp_ms, "current_snapshot_id": head.snapshot_id,
            "snapshots": history.snapshots, "refs": {"main": SnapshotRef(snapshot_id=head.snapshot_id, snapshot_ref_type="branch")},
            "snapshot_log": [SnapshotLogEntry(snapshot_id=s.snapshot_id, timestamp_ms=s.timestamp_ms) for s in history.snapshots]})
    location = f"{history.folder}/00001-{uuid.uuid4()}.metadata.json"
    pathlib.Path(location.removeprefix("file://")).write_text(metadata.model_dump_json())
    catalog.drop_table("cold.history")
    catalog.register_table("cold.history", location)
    live = sum(len(history.entries[manifest.manifest_path]) for manifest in history.manifests)
    print(f"{snapshots} snapshots, {history.number} files, {live} of them live")


main(sys.argv[1], *map(int, sys.argv[2:]))
