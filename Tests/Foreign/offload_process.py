"""Running `k2-offload` between a warm store of the tests and a lake, and comparing both."""

import decimal
import json
import os
import subprocess
import time
from collections import Counter

from expectations import COLUMNS
from load_process import EXACT, WARM
from readers import DuckDB, PyIceberg
from warm_store import comparable

READERS = [PyIceberg(), DuckDB()]


class Offload:
    """`k2-offload` for one warm store and one lake. `changes` are environment variables, for another catalog or store."""

    def __init__(self, store, lake, port=None, **changes):
        self.store, self.lake, self.port, self.changes = store, lake, port, changes

    @property
    def environment(self):
        return self.store.environment(self.port) | self.lake.environment | self.changes

    def start(self, *arguments, verb="run", **changes):
        command = [self.store.tools.path("k2-offload"), verb, *map(str, arguments)]
        return subprocess.Popen(
            command, env=self.environment | changes, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments, verb="run", expect=0, seconds=120, **changes):
        """What was said; rows of this very moment are taken as well."""
        arguments = ("--safety-lag", "0s", *arguments) if verb == "run" else arguments
        process = self.start(*arguments, verb=verb, **changes)
        try:
            output, said = process.communicate(timeout=seconds)
        finally:
            process.kill()
        assert process.returncode == expect, f"status {process.returncode}, not {expect}:\n{said}"
        return output if verb == "status" else said

    def measured(self, *arguments):
        """What was said, and the largest resident set in KiB."""
        process = self.start("--safety-lag", "0s", *arguments)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, said
        return said, usage.ru_maxrss

    def kill_after(self, seconds, *arguments):
        process = self.start("--safety-lag", "0s", *arguments)
        time.sleep(seconds)
        process.kill()
        return process.communicate()[1]

    def status(self):
        return {row["table"]: row for row in map(json.loads, self.run("--json", verb="status").splitlines())}


def warm_rows(store, table):
    """What ClickHouse shows of a table by its cold name; of candles the final ones."""
    name = table.removeprefix("gold_")
    where = "WHERE is_final" if table.startswith("gold_") else ""
    columns = ", ".join(COLUMNS[table])
    answer = store.server.query(f"SELECT {columns} FROM {name} FINAL {where} FORMAT JSONEachRow", database=store.database, **EXACT)
    assert answer.status == 200 and not answer.cut, answer.text
    return comparable(WARM[name], [json.loads(line, parse_float=decimal.Decimal) for line in answer.text.splitlines()])


def problem(offload, table, reader):
    """The first difference between ClickHouse and what `reader` finds in the lake, or None."""
    try:
        cold = reader.rows(offload.lake, table)
    except KeyError:
        cold = []
    warm, cold = (Counter(comparable_row(row, COLUMNS[table]) for row in rows) for rows in (warm_rows(offload.store, table), cold))
    lost, extra = warm - cold, cold - warm
    if not lost and not extra:
        return None
    return f"{lost.total()} rows of ClickHouse are not in the lake, {extra.total()} of the lake not in ClickHouse; first {next(iter(lost or extra))}"


def comparable_row(row, columns):
    return tuple(_hashable(row[name]) for name in columns)


def _hashable(value):
    """Lists in their order, maps whatever their order; an empty one and none are the same."""
    if isinstance(value, dict):
        return tuple(sorted(value.items())) or None
    return tuple(value) or None if isinstance(value, list) else value


def problems(offload, tables=COLUMNS, readers=READERS):
    found = ((table, reader.name, problem(offload, table, reader)) for table in tables for reader in readers)
    return [line for line in found if line[2]]
