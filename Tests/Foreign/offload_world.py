"""One lake that is disturbed over and over while it is filled from `Slices`, and compared with them after each whole run."""

import subprocess
from collections import Counter

from expectations import COLUMNS
from offload_process import comparable_row
from pipeline import NAMESPACE
from readers import arrow_rows

# Seconds after which a run that does not end is a failure of its own.
PATIENCE = 60


class World:
    """`tables`: those that are offloaded. `place` is a `PlacedLake` whose environment may lead through proxies."""

    # Statuses that a disturbed run may end with: done, failed, retries used up, unknown, killed.
    ALLOWED = {0, 1, 75, 76, -9}

    def __init__(self, program, slices, place, tables, environment):
        self.program, self.slices, self.place, self.tables = program, slices, place, tables
        self._environment = environment
        self._files, self._referenced, self._known = {}, set(), set()
        self._catalog = None
        self._attempts = 0

    def start(self, number, *arguments, faults=None, **changes):
        self._attempts += 1
        lag = self.slices.lag(number, self._attempts)
        command = [self.program, "run", "--tables", ",".join(self.tables), "--safety-lag", lag, "--jobs", "1", *arguments]
        environment = self._environment | self.place.environment | (faults or {}) | changes
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, number, *arguments, faults=None, **changes):
        """Status and what was said."""
        return self.end(self.start(number, *arguments, faults=faults, **changes))

    @staticmethod
    def end(process):
        try:
            _, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
            return None, f"did not end in {PATIENCE} s: {said}"
        return process.returncode, said

    # What is there afterwards ------------------------------------------------------------------------------

    def problem(self, number):
        """What is wrong after a whole run up to slice `number`, or None."""
        for table in self.tables:
            if found := self._rows_problem(table, number) or self._state_problem(table, number):
                return f"{table}: {found}"
        return None

    @property
    def catalog(self):
        if self._catalog is None:
            self._catalog = self.place.pyiceberg()
        return self._catalog

    def reconnect(self):
        """The reader's connections ended with their server."""
        self._catalog = None

    def _rows_problem(self, table, number):
        loaded = self.catalog.load_table(f"{NAMESPACE}.{table}")
        cold = Counter()
        for task in loaded.scan().plan_files():
            assert not task.delete_files, task
            cold.update(self._rows(loaded, task.file.file_path, table))
        warm = Counter(comparable_row(row, COLUMNS[table]) for row in self.slices.expected(table, number))
        lost, extra = warm - cold, cold - warm
        if lost or extra:
            return f"{lost.total()} rows of ClickHouse are not in the lake, {extra.total()} of the lake not in ClickHouse; first {next(iter(lost or extra))}"
        return self._files_problem(loaded)

    def _rows(self, table, path, name):
        """Files never change: each is read once."""
        if path not in self._files:
            import pyarrow.parquet as parquet

            with table.io.new_input(path).open() as file:
                self._files[path] = [comparable_row(row, COLUMNS[name]) for row in arrow_rows(parquet.read_table(file))]
        return self._files[path]

    def _files_problem(self, table):
        """Every data file that is there belongs to a snapshot."""
        for snapshot in table.metadata.snapshots:
            if snapshot.manifest_list not in self._known:
                self._known.add(snapshot.manifest_list)
                for manifest in snapshot.manifests(table.io):
                    if manifest.manifest_path not in self._known:
                        self._known.add(manifest.manifest_path)
                        self._referenced |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)}
        stray = {path for path in self.place.data_files(table.location(), table.io) if path not in self._referenced}
        return f"files that no snapshot has: {sorted(stray)}" if stray else None

    def _state_problem(self, table, number):
        with self.place.state() as query:
            intents = query("SELECT count(*) FROM offload_intents WHERE table_name = %s", table)[0][0]
            leases = query("SELECT count(*) FROM offload_leases WHERE table_name = %s", table)[0][0]
            marks = query("SELECT status, failure_count FROM offload_watermarks WHERE table_name = %s", table)
        if intents or leases:
            return f"{intents} open intents, {leases} leases"
        return None if marks == [("success", 0)] else f"watermark: {marks}"
