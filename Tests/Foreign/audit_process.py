"""Running `k2-maintain audit` over a lake of the tests, and doing harm to that lake."""

import datetime
import json
import pathlib
import random
import subprocess
import time

from offload_process import largest_resident_set
from pipeline import NAMESPACE
from readers import plain_path

HOUR = datetime.timedelta(hours=1)
START = datetime.datetime(2026, 2, 18, 10)
SILVER = "silver_trades"


def trades(first, count, start=START, step=datetime.timedelta(seconds=20), seed=1):
    """Trades with lists and maps, some of them empty, a step apart."""
    source = random.Random(seed * 1_000_003 + first)
    lines = []
    for number in range(first, first + count):
        record = {
            "kind": "trade",
            "message_id": f"{source.getrandbits(32):08x}-0000-8000-8000-{number:012x}",
            "trade_id": f"BINANCE-{number}",
            "exchange": "binance",
            "symbol": "BTCUSDT",
            "canonical_symbol": "BTC/USDT",
            "asset_class": "crypto",
            "currency": "USDT",
            "price": f"{source.randrange(10**10)}.{source.randrange(10**12):012d}",
            "quantity": f"{source.randrange(10**6)}.{source.randrange(10**8):08d}",
            "quote_volume": f"{source.randrange(10**12)}.{source.randrange(10**18):018d}",
            "side": source.choice(["BUY", "SELL"]),
            "trade_conditions": [source.choice(["m", "l", "é", ""]) for _ in range(source.randrange(4))],
            "timestamp": (start + (number - first) * step).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "ingestion_timestamp": "2026-02-18T12:00:00.123456Z",
            "source_sequence": number,
            "origin": "stream",
            "vendor_data": {key: f"{source.getrandbits(20):x}" for key in source.sample(["ord", "maker", "buyer", "x"], source.randrange(4))},
            "is_valid": source.random() < 0.9,
            "validation_errors": ["price"] if source.random() < 0.1 else [],
        }
        lines.append(json.dumps({key: value for key, value in record.items() if value not in ([], {})}) + "\n")
    return "".join(lines).encode()


class Audit:
    """`k2-maintain audit` for the warm store and the lake of an `Offload`."""

    def __init__(self, offload):
        self.offload = offload

    @property
    def environment(self):
        return self.offload.environment

    def run(self, *arguments, expect=0, tables=(SILVER,), seconds=120, **changes):
        """Lines of JSON: what was found one by one, then a result for each table."""
        named = ["--tables", ",".join(tables)] if tables else []
        span = [] if any(a in arguments for a in ("--from", "--days", "--full", "--default")) else ["--full"]
        # The rows of these tests have just come.
        span += [] if "--lookback" in arguments else ["--lookback", "0s"]
        command = [self.offload.store.tools.path("k2-maintain"), "audit", "--json", *named, *span, *map(str, arguments)]
        done = subprocess.run(
            [part for part in command if part != "--default"], env=self.environment | changes, capture_output=True, text=True, timeout=seconds
        )
        self.said = done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == expect, f"status {done.returncode}, not {expect}:\n{done.stderr}\n{done.stdout}"
        self.found = [line for line in lines if "finding" in line]
        self.results = {line["table"]: line for line in lines if "result" in line or "status" in line}
        return self.results.get(tables[0]) if tables else self.results

    def kill_after(self, seconds, *arguments):
        command = [self.offload.store.tools.path("k2-maintain"), "audit", "--tables", SILVER, "--full", "--lookback", "0s", *arguments]
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()

    def maintain(self, *arguments, expect=0, seconds=120, tables=(SILVER,)):
        """Another verb, with its results by table."""
        command = [self.offload.store.tools.path("k2-maintain"), *map(str, arguments), "--json", "--tables", ",".join(tables)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == expect, f"status {done.returncode}, not {expect}:\n{done.stderr}\n{done.stdout}"
        return {line["table"]: line for line in map(json.loads, done.stdout.splitlines()) if "status" in line}

    def largest_memory(self, *arguments, tables=(SILVER,)):
        """The largest resident set of an audit, KiB."""
        command = [self.offload.store.tools.path("k2-maintain"), "audit", "--full", "--lookback", "0s", "--tables", ",".join(tables), *arguments]
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # What wait4(2) says begins with the size of the process that started this one.
        most = 0
        while process.poll() is None:
            most = max(most, largest_resident_set(process.pid))
            time.sleep(0.005)
        assert process.returncode == 0, process.stderr.read()
        return most

    def rows(self, kind):
        return [line for line in self.found if line["finding"] == kind]

    def log(self):
        """Lines of the audit log in the state store, oldest first."""
        import sqlite3

        with sqlite3.connect(self.environment["K2_STATE"].removeprefix("sqlite:")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM maintenance_audit_log ORDER BY line_id")]


# Harm -----------------------------------------------------------------------------------------------------


def iceberg_table(lake, name=SILVER):
    if hasattr(lake, "pyiceberg"):
        return lake.pyiceberg().load_table(f"{NAMESPACE}.{name}")
    from readers import PyIceberg

    return PyIceberg().table(lake, name)


def rewrite(lake, change, name=SILVER):
    """The table's rows are what `change` makes of them: a list of dictionaries, changed in place or given anew."""
    import pyarrow

    table = iceberg_table(lake, name)
    rows = table.scan().to_arrow()
    values = rows.to_pylist()
    values = change(values) or values
    table.overwrite(pyarrow.Table.from_pylist(values, schema=rows.schema))


def data_files(lake, name=SILVER):
    return sorted(task.file.file_path for task in iceberg_table(lake, name).scan().plan_files())


def remove(path):
    pathlib.Path(plain_path(path)).unlink()


class Fields:
    """A data file's entry in a manifest. In pyiceberg it cannot be changed by name."""

    NAMES = ["content", "file_path", "file_format", "partition", "record_count", "file_size", "column_sizes", "value_counts", "null_value_counts"]
    NAMES += ["nan_value_counts", "lower_bounds", "upper_bounds"]

    def __init__(self, file):
        self._data = file._data

    def __getitem__(self, name):
        place = self.NAMES.index(name)
        if name.endswith(("counts", "bounds", "sizes")):
            self._data[place] = dict(self._data[place])
        return self._data[place]

    def __setitem__(self, name, value):
        self._data[self.NAMES.index(name)] = value


def rewrite_manifest(lake, change, name=SILVER):
    """Changes the fields of data files in the manifests of the current snapshot, where these lie: `change` gets them by name."""
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from pyiceberg.manifest import write_manifest

    table = iceberg_table(lake, name)
    io = PyArrowFileIO()
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(table.io):
        entries = manifest.fetch_manifest_entry(table.io, discard_deleted=False)
        for entry in entries:
            change(Fields(entry.data_file))
        spec = table.specs()[manifest.partition_spec_id]
        with write_manifest(2, spec, table.schema(), io.new_output(manifest.manifest_path), snapshot.snapshot_id, "null") as writer:
            for entry in entries:
                writer.add_entry(entry) if entry.status == 1 else writer.existing(entry)


def rewrite_manifest_list(lake, change, name=SILVER):
    """Changes what the list says of each manifest: `change` gets a manifest and writes to its record, by the numbers of its fields in the list's schema."""
    from pyiceberg.manifest import write_manifest_list

    table = iceberg_table(lake, name)
    snapshot = table.current_snapshot()
    manifests = list(snapshot.manifests(table.io))
    for manifest in manifests:
        change(manifest)
    output = table.io.new_output(snapshot.manifest_list)
    with write_manifest_list(2, output, snapshot.snapshot_id, snapshot.parent_snapshot_id, snapshot.sequence_number, "null") as writer:
        writer.add_manifests(manifests)


def delete_positions(lake, positions, name=SILVER, count=1):
    """Takes rows of each of the table's first data files by a position delete file, as engines do that merge on read; pyiceberg itself writes none."""
    import pyarrow

    schema = pyarrow.schema([identified("file_path", pyarrow.string(), 2147483546), identified("pos", pyarrow.int64(), 2147483545)])
    table = iceberg_table(lake, name)
    rows = {file.file_path: pyarrow.table({"file_path": [file.file_path] * len(positions), "pos": positions}, schema=schema) for file in live_files(table)[:count]}
    write_deletes(table, rows)


def delete_values(lake, column, values, name=SILVER):
    """Takes rows of the partition of the table's one data file by an equality delete file."""
    import pyarrow

    table = iceberg_table(lake, name)
    field = table.schema().find_field(column)
    rows = pyarrow.table({column: values}, schema=pyarrow.schema([identified(column, pyarrow.string(), field.field_id)]))
    (file,) = live_files(table)
    write_deletes(table, {file.file_path: rows}, equality_ids=[field.field_id])


def identified(name, type, id):
    import pyarrow

    return pyarrow.field(name, type, nullable=False, metadata={"PARQUET:field_id": str(id)})


def live_files(table):
    """The data files by their names. A table that has equality deletes is not planned by pyiceberg."""
    from pyiceberg.manifest import DataFileContent

    manifests = table.current_snapshot().manifests(table.io)
    files = [entry.data_file for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)]
    return sorted((file for file in files if file.content == DataFileContent.DATA), key=lambda file: file.file_path)


def write_deletes(table, rows, equality_ids=None):
    """Commits files of deletes, each in the partition of the data file by whose path it is given."""
    import pyarrow.parquet
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestWriterV2
    from pyiceberg.table.snapshots import Operation
    from pyiceberg.table.update.snapshot import _FastAppendFiles

    class DeleteManifest(ManifestWriterV2):
        def content(self):
            return ManifestContent.DELETES

        @property
        def _meta(self):
            return {**super()._meta, "content": "deletes"}

    def write(file, rows):
        path = f"{table.location()}/data/deletes-{table.current_snapshot().snapshot_id}-{file.file_path.rpartition('/')[2]}"
        with table.io.new_output(path).create() as stream:
            pyarrow.parquet.write_table(rows, stream)
        deletes = DataFile.from_args(
            content=DataFileContent.EQUALITY_DELETES if equality_ids else DataFileContent.POSITION_DELETES, file_path=path,
            file_format=FileFormat.PARQUET, partition=file.partition, record_count=rows.num_rows, file_size_in_bytes=len(table.io.new_input(path)),
            column_sizes={}, value_counts={}, null_value_counts={}, nan_value_counts={}, lower_bounds={}, upper_bounds={}, split_offsets=None,
            equality_ids=equality_ids, sort_order_id=None,
        )  # fmt: skip
        deletes.spec_id = table.spec().spec_id
        return deletes

    files = [write(file, rows[file.file_path]) for file in live_files(table) if file.file_path in rows]

    class Deletes(_FastAppendFiles):
        def _manifests(self):
            output = table.io.new_output(f"{table.location()}/metadata/deletes-{self._snapshot_id}.avro")
            with DeleteManifest(table.spec(), table.schema(), output, self._snapshot_id, "null") as writer:
                for file in files:
                    writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=self._snapshot_id, sequence_number=None, file_sequence_number=None, data_file=file))
            return [*self._existing_manifests(), writer.to_manifest_file()]

    with table.transaction() as change:
        Deletes(operation=Operation.APPEND, transaction=change, io=table.io).commit()
