"""What is in a table of a lake, read through pyiceberg: the rows of each snapshot, the files that it names, and those that lie in the store.

Files never change, so each is read once; that none was written anew is told by its size.
"""

import dataclasses
import re
from collections import Counter, defaultdict

from expectations import COLUMNS
from lake_places import plain
from offload_process import comparable_row
from pipeline import NAMESPACE
from readers import arrow_rows

VERSION = re.compile(r"v\d+\.metadata\.json|version-hint\.text")


@dataclasses.dataclass
class View:
    """A table at one moment. Locations are without their scheme."""

    table: object
    # All that lies below the table's location: sizes by location.
    stored: dict
    # By snapshot.
    rows: dict
    files: dict
    # Of the current snapshot.
    data: list
    deletes: list
    manifests: list

    @property
    def current(self):
        return self.table.metadata.current_snapshot_id

    @property
    def location(self):
        return plain(self.table.location())

    @property
    def named(self):
        """All that the table names, also its metadata files."""
        log = [entry.metadata_file for entry in self.table.metadata.metadata_log]
        return set().union(*self.files.values(), map(plain, [self.table.metadata_location, *log]))

    @property
    def reachable(self):
        """Also the versions in a catalog of files, which never go, and the hint."""
        return self.named | {path for path in self.stored if VERSION.fullmatch(path.rpartition("/metadata/")[2])}

    @property
    def lost(self):
        return set().union(*self.files.values(), [plain(self.table.metadata_location)]) - self.stored.keys()

    @property
    def strays(self):
        """What nothing names, but for hidden files and folders."""
        start = len(self.location) + 1
        is_hidden = lambda path: any(part[0] in "._" for part in path[start:].split("/"))
        return {path for path in self.stored.keys() - self.reachable if not is_hidden(path)}


class Contents:
    """One table of a place, looked at again and again."""

    def __init__(self, place, name):
        self.place, self.name = place, name
        self._catalog = None
        self._lists, self._manifests, self._rows, self._positions = {}, {}, {}, {}

    @property
    def catalog(self):
        if self._catalog is None:
            self._catalog = self.place.pyiceberg()
        return self._catalog

    def load(self):
        return self.catalog.load_table(f"{NAMESPACE}.{self.name}")

    def look(self):
        table = self.load()
        stored = self.place.files(table.location(), table.io)
        view = View(table, stored, {}, {}, [], [], [])
        for snapshot in table.metadata.snapshots:
            self._read(view, snapshot)
        return view

    def _read(self, view, snapshot):
        io = view.table.io
        if snapshot.manifest_list not in self._lists:
            self._lists[snapshot.manifest_list] = snapshot.manifests(io)
        manifests = self._lists[snapshot.manifest_list]
        entries = []
        for manifest in manifests:
            if manifest.manifest_path not in self._manifests:
                self._manifests[manifest.manifest_path] = manifest.fetch_manifest_entry(io, discard_deleted=True)
            entries += self._manifests[manifest.manifest_path]
        named = [snapshot.manifest_list, *(manifest.manifest_path for manifest in manifests), *(entry.data_file.file_path for entry in entries)]
        view.files[snapshot.snapshot_id] = set(map(plain, named))
        data = [entry for entry in entries if entry.data_file.content.value == 0]
        deletes = [entry for entry in entries if entry.data_file.content.value != 0]
        view.rows[snapshot.snapshot_id] = self._live(io, data, deletes)
        if snapshot.snapshot_id == view.current:
            view.data, view.deletes, view.manifests = [entry.data_file for entry in data], [entry.data_file for entry in deletes], manifests

    def _live(self, io, data, deletes):
        """The rows of data files without those that position deletes take, which name each file once."""
        gone = defaultdict(set)
        for entry in deletes:
            assert entry.data_file.content.value == 1, entry.data_file
            for row in self._read_once(io, entry.data_file.file_path, self._positions, lambda arrow: arrow.to_pylist()):
                gone[row["file_path"]].add(row["pos"])
        rows = Counter()
        for entry in data:
            path = entry.data_file.file_path
            found = self._read_once(io, path, self._rows, lambda arrow: [comparable_row(row, COLUMNS[self.name]) for row in arrow_rows(arrow)])
            rows.update(row for position, row in enumerate(found) if position not in gone[path])
        return rows

    @staticmethod
    def _read_once(io, path, known, take):
        if path not in known:
            import pyarrow.parquet as parquet

            with io.new_input(path).open() as file:
                known[path] = take(parquet.read_table(file))
        return known[path]
