"""Running `k2-maintain` on a lake, and seeing what is in it: through pyiceberg, DuckDB, and the store itself."""

import json
import os
import subprocess
import time

import pyarrow

from lake_places import PlacedDuckDB, plain
from pipeline import NAMESPACE

NAME = "history"
SCHEMA = pyarrow.schema([pyarrow.field("id", pyarrow.int64(), nullable=False), pyarrow.field("text", pyarrow.string())])


def rows(first, count):
    return pyarrow.table({"id": list(range(first, first + count)), "text": [f"row {n}" for n in range(first, first + count)]}, schema=SCHEMA)


class Maintain:
    """`k2-maintain` for one lake."""

    def __init__(self, tools, lake):
        self.tools, self.lake = tools, lake

    def start(self, *arguments):
        self.lake.folder.mkdir(parents=True, exist_ok=True)
        command = [self.tools.path("k2-maintain"), *map(str, arguments)]
        return subprocess.Popen(
            command, env=os.environ | self.lake.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def make_lake(self):
        """Makes the tables of catalog and state store, which maintenance does not."""
        self.lake.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([self.tools.path("k2-offload"), "status"], env=os.environ | self.lake.environment, check=True, capture_output=True, timeout=120)

    def run(self, *arguments, expect=0, seconds=120):
        """What was said on stdout and stderr."""
        process = self.start(*arguments)
        try:
            output, said = process.communicate(timeout=seconds)
        finally:
            process.kill()
        assert process.returncode == expect, f"status {process.returncode}, not {expect}:\n{output}{said}"
        return output, said

    def json(self, *arguments, **options):
        return [json.loads(line) for line in self.run(*arguments, "--json", **options)[0].splitlines()]

    def kill_after(self, seconds, *arguments):
        process = self.start(*arguments)
        time.sleep(seconds)
        process.kill()
        return process.communicate()[1]


class History:
    """A table that pyiceberg makes, with branches, tags, deletes and overwrites."""

    def __init__(self, lake, source, name=NAME):
        self.lake, self.source, self.name = lake, source, name
        self.catalog = lake.pyiceberg()
        self.catalog.create_namespace_if_not_exists(NAMESPACE)
        self.table = self.catalog.create_table(f"{NAMESPACE}.{name}", SCHEMA)
        self.next = 0
        self.append()

    def append(self, branch="main", count=None):
        count = count or self.source.randrange(1, 9)
        self.table.append(rows(self.next, count), branch=branch)
        self.next += count

    def go_on(self, commits):
        for _ in range(commits):
            self.table.refresh()
            branches = [name for name, reference in self.table.refs().items() if reference.snapshot_ref_type == "branch"]
            branch, choice = self.source.choice(branches), self.source.random()
            some = self.source.randrange(self.next)
            if choice < 0.5:
                self.append(branch)
            elif choice < 0.65:
                self.table.delete(f"id >= {some} and id < {some + 5}", branch=branch)
            elif choice < 0.75:
                self.table.overwrite(rows(self.next, 2), overwrite_filter=f"id >= {some} and id < {some + 9}", branch=branch)
                self.next += 2
            else:
                self.refer()

    def refer(self):
        snapshot = self.source.choice(self.table.snapshots()).snapshot_id
        name = f"r{len(self.table.refs())}-{self.next}"
        manage = self.table.manage_snapshots()
        if self.source.random() < 0.5:
            manage.create_tag(snapshot, name, max_ref_age_ms=self.source.choice([None, 1, 10**9])).commit()
        else:
            manage.create_branch(
                snapshot, name, max_ref_age_ms=self.source.choice([None, 10**9]), min_snapshots_to_keep=self.source.choice([None, 2])
            ).commit()

    def add_files(self, count):
        """Commits without a pause, to have something to expire in a hurry."""
        for _ in range(count):
            self.append()

    # Looking at it ----------------------------------------------------------------------------------------

    def load(self):
        return self.catalog.load_table(f"{NAMESPACE}.{self.name}")

    def snapshots(self):
        return [snapshot.snapshot_id for snapshot in self.load().snapshots()]

    def by_pyiceberg(self):
        """The rows of each snapshot."""
        table = self.load()
        return {id: sorted(map(tuple, map(dict.values, table.scan(snapshot_id=id).to_arrow().to_pylist()))) for id in self.snapshots()}

    def by_duckdb(self):
        reader = PlacedDuckDB()
        reader._lake = self.lake
        connection = reader.connect()
        location = self.load().metadata_location
        query = f"SELECT id, text FROM iceberg_scan('{location}', snapshot_from_id => ?) ORDER BY ALL"
        return {id: connection.execute(query, [id]).fetchall() for id in self.snapshots()}

    def reachable(self):
        """Locations of all that the snapshots need, as pyiceberg reads them."""
        table = self.load()
        found, manifests = set(), {}
        for snapshot in table.snapshots():
            found.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(table.io):
                manifests[manifest.manifest_path] = manifest
        for path, manifest in manifests.items():
            found.add(path)
            found |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)}
        return {plain(location) for location in found}

    def stored(self):
        """Locations of all that lies under the table, without metadata files."""
        table = self.load()
        paths = self.lake.files(table.location(), table.io)
        return {path for path in paths if not path.endswith(".metadata.json")}

    def put(self, name, content):
        """A file that nothing names; gives its location."""
        location = f"{self.load().location().rstrip('/')}/{name}"
        with self.load().io.new_output(location).create(overwrite=True) as stream:
            stream.write(content)
        return plain(location)
