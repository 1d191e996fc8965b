"""One lake that maintenance is disturbed in over and over: its table is laid out anew for each verb, and always holds the rows of ClickHouse."""

import json
import subprocess
from collections import Counter

from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import Transaction

from expectations import COLUMNS
from lake_contents import Contents
from lake_places import PlacedDuckDB, plain
from offload_process import comparable_row
from offload_slices import SILVER
from readers import arrow_rows

# Seconds after which a run that does not end is a failure of its own.
PATIENCE = 60
PIECES = 3
ONLY = ("--tables", SILVER)
NOW = ("--older-than", "0s")
STRICT = (*NOW, "--retain-last", "1")
FEW = ("--min-input-files", "2")
AUDITED = ("--full", "--lookback", "0s")
STRAYS = ("data/stray-1.parquet", "data/timestamp_day=2026-02-18/stray-2.parquet", "metadata/stray-m0.avro")
KEPT, OLD = "kept", "old"


class Layout(Transaction):
    """One commit of many snapshots. pyiceberg makes the metadata up whenever it is asked for it; here it does once for each change."""

    _made = (None, None)

    @property
    def table_metadata(self):
        if self._made[0] != len(self._updates):
            self._made = len(self._updates), super().table_metadata
        return self._made[1]


class World:
    """The table `SILVER` in `place`, filled by k2-offload from a warm store that does not change."""

    def __init__(self, programs, place, environment, source):
        self.programs, self.place, self.source = programs, place, source
        self._environment = environment | place.environment
        self.contents = Contents(place, SILVER)

    def make(self):
        self.must("k2-offload", "run", *ONLY, "--safety-lag", "0s")
        table = self.contents.load()
        table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, KEPT).commit()
        self.arrow = table.scan().to_arrow()
        view = self.contents.look()
        self.rows, self.kept = view.rows[view.current], view.current

    # Running ----------------------------------------------------------------------------------------------

    def start(self, program, *arguments, faults=None):
        command = [self.programs[program], *map(str, arguments)]
        environment = self._environment | (faults or {})
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def end(process):
        """Status and what was said, on stdout too."""
        try:
            output, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            output, said = process.communicate()
            return None, f"did not end in {PATIENCE} s: {output}{said}"
        return process.returncode, output + said

    def must(self, program, *arguments):
        """What was said on stdout."""
        process = self.start(program, *arguments)
        output, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, f"{' '.join(map(str, arguments))} ended with {process.returncode}: {output}{said}"
        return output

    def maintain(self, *arguments):
        return self.must("k2-maintain", *arguments, *ONLY)

    # Laying the table out ----------------------------------------------------------------------------------

    def lay_out(self, without=(), twice=()):
        """All rows anew, in one commit with many snapshots: pieces that each reach over all days. Rows are named by their places."""
        table = self.contents.load()
        with Layout(table) as change:
            change.delete(AlwaysTrue())
            for piece in range(PIECES):
                places = [place for place in range(piece, self.arrow.num_rows, PIECES) if place not in without]
                change.append(self.arrow.take(places))
            if twice:
                change.append(self.arrow.take(sorted(twice)))
        return self.contents.load()

    def some(self, count):
        return self.source.sample(range(self.arrow.num_rows), count)

    def put_strays(self):
        """Files that nothing names: content by location."""
        table, strays = self.contents.load(), {}
        for name in STRAYS:
            location, content = f"{table.location().rstrip('/')}/{name}", self.source.randbytes(self.source.randrange(1, 400))
            with table.io.new_output(location).create(overwrite=True) as stream:
                stream.write(content)
            strays[plain(location)] = content
        return strays

    @property
    def plan_file(self):
        return self.place.folder / "plan.ndjson"

    def plan(self):
        """Plans; the files that are in it."""
        self.plan_file.unlink(missing_ok=True)
        self.maintain("orphans", "plan", *NOW, "-o", self.plan_file)
        return self.planned

    @property
    def planned(self):
        return {plain(line["file"]) for line in map(json.loads, self.plan_file.read_text().splitlines()) if "file" in line}

    def quarantines(self):
        return [line["quarantine"] for line in map(json.loads, self.maintain("orphans", "list", "--json").splitlines()) if "quarantine" in line]

    def read(self, location):
        scheme = "s3://" if self.place.store == "s3" else "file://"
        with self.contents.load().io.new_input(scheme + location).open() as stream:
            return stream.read()

    # What is there -----------------------------------------------------------------------------------------

    def open_problem(self, *more):
        """Nothing is open of a run that says that it is done."""
        with self.place.state() as query:
            counts = {name: query(f"SELECT count(*) FROM {name}")[0][0] for name in ("maintenance_intents", "offload_intents", *more)}
        return f"left open: {counts}" if any(counts.values()) else None

    def last_line(self, verb):
        """How the history says that the last run ended."""
        with self.place.state() as query:
            found = query("SELECT status FROM maintenance_runs WHERE table_name = %s AND verb = %s ORDER BY line_id DESC LIMIT 1", SILVER, verb)
        return found[0][0] if found else None

    def leftovers_problem(self):
        """All that nothing names is found, and after it is gone nothing else is."""
        view = self.contents.look()
        planned = self.plan()
        if planned != view.strays:
            return f"orphans: not found {sorted(view.strays - planned)}, none {sorted(planned - view.strays)}"
        if view.stored.keys() == view.reachable:
            return None
        if planned:
            self.maintain("orphans", "apply", self.plan_file)
        self.maintain("orphans", "purge", *NOW)
        after = self.contents.look()
        if after.rows != view.rows or after.lost:
            return f"the search for orphans has changed the table: lost {sorted(after.lost)}"
        if rest := after.stored.keys() - after.reachable:
            return f"still there: {sorted(rest)}"
        return None

    def readers_problem(self):
        """Whole scans by pyiceberg and DuckDB of each snapshot say what the manifests do."""
        view = self.contents.look()
        reader = PlacedDuckDB()
        reader._lake = self.place
        connection = reader.connect()
        for id, rows in view.rows.items():
            arrow = view.table.scan(snapshot_id=id).to_arrow()
            if Counter(comparable_row(row, COLUMNS[SILVER]) for row in arrow_rows(arrow)) != rows:
                return f"pyiceberg finds other rows in snapshot {id}"
            source = f"iceberg_scan('{view.table.metadata_location}', snapshot_from_id => {id})"
            found = Counter(connection.execute(f"SELECT trade_id, side FROM {source}").fetchall())
            if found != project(rows, "trade_id", "side"):
                return f"duckdb finds other rows in snapshot {id}"
        return None


def project(rows, *names):
    places = [list(COLUMNS[SILVER]).index(name) for name in names]
    found = Counter()
    for row, count in rows.items():
        found[tuple(row[place] for place in places)] += count
    return found
