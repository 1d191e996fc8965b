"""Measures `k2-maintain expire` and `orphans plan` over a table with a thousand snapshots and twenty thousand files.

    K2_BIN=.build/release python bench/maintain.py [rounds]

pyiceberg's own expiry stands beside it, as far as it goes: it removes snapshots from the metadata and leaves all files. Runs by itself; scripts/bench
runs it with the other contests.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

import alone
from markdown import MEBIBYTE, table, verdict
from measure import Contestant, compete

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
SNAPSHOTS, FILES_EACH = 1_000, 20
FILES = SNAPSHOTS * FILES_EACH
TARGET_SECONDS = 5


@dataclasses.dataclass
class Maintaining:
    contest: list
    # Said by the tool: what was deleted.
    deleted: dict


class Table:
    """A table whose history is there again before each run. Its metadata holds whole paths, so it is always at the same place."""

    def __init__(self, folder):
        self.folder, self.kept = folder / "history", folder / "history-kept"
        subprocess.run([sys.executable, PEERS / "history.py", self.folder, str(SNAPSHOTS), str(FILES_EACH)], check=True, stdout=subprocess.DEVNULL)
        self.folder.rename(self.kept)

    @property
    def environment(self):
        return {"K2_WAREHOUSE": f"file:{self.folder}/warehouse", "K2_CATALOG": f"sqlite:{self.folder}/k2.db"}

    def restore(self):
        """Data files are never written to, so second names will do; the catalog is."""
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["cp", "-al", self.kept, self.folder], check=True)
        (self.folder / "k2.db").unlink()
        shutil.copy(self.kept / "k2.db", self.folder / "k2.db")


def measure(tool, core, folder, rounds):
    made = Table(pathlib.Path(folder))
    maintain = [tool("k2-maintain")]
    only = ["--tables", "history"]
    expire = [*maintain, "expire", *only, "--older-than", "0s", "--retain-last", "3"]
    contest = [
        Contestant("k2-maintain expire", expire, None, FILES, made.environment, made.restore),
        Contestant("k2-maintain expire --dry-run", [*expire, "--dry-run"], None, FILES, made.environment, made.restore),
        Contestant("k2-maintain orphans plan", [*maintain, "orphans", "plan", *only, "--older-than", "0s"], None, FILES, made.environment, made.restore),
        Contestant(
            "pyiceberg, metadata only", [sys.executable, PEERS / "expire_client.py", made.folder / "k2.db"], None, FILES, {}, made.restore, times_itself=True
        ),
    ]
    compete(contest, rounds, core)
    made.restore()
    said = subprocess.run([*expire, "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | made.environment)
    deleted = check(made, said.stdout)
    for place in (made.folder, made.kept):
        shutil.rmtree(place)
    return Maintaining(contest, deleted)


def check(made, said):
    """What is left must be what the table's snapshots name, as pyiceberg reads them."""
    import json

    from pyiceberg.catalog.sql import SqlCatalog

    result = json.loads(said)
    left = SqlCatalog("k2", uri=f"sqlite:///{made.folder}/k2.db").load_table("cold.history")
    named = {entry.data_file.file_path for s in left.snapshots() for m in s.manifests(left.io) for entry in m.fetch_manifest_entry(left.io, discard_deleted=True)}
    stored = {f"file://{file}" for file in (made.folder / "warehouse/cold/history/data").iterdir()}
    assert named == stored, f"{len(stored - named)} files too many, {len(named - stored)} too few"
    assert result["expired_snapshots"] == SNAPSHOTS - 3 and len(stored) == FILES - result["deleted_data_files"]
    return result


def targets(maintaining):
    ours = maintaining.contest[0]
    what = f"expire over {SNAPSHOTS:,} snapshots and {FILES:,} files"
    return [[what, f"{ours.seconds:.2f} s", f"< {TARGET_SECONDS} s", verdict(ours.seconds, TARGET_SECONDS, True)]]


def section(maintaining):
    rows = [[c.name, f"{c.seconds:.2f} s", f"{max(s.seconds for s in c.samples):.2f} s", f"{c.memory / MEBIBYTE:.0f} MiB"] for c in maintaining.contest]
    deleted = maintaining.deleted
    return f"""## Expiry and orphans

{table(["program", "median", "longest", "largest resident set"], rows)}

A table of {SNAPSHOTS:,} snapshots and {FILES:,} data files on local disk, of which a tenth of the snapshots replace files and a hundred manifests are merged into one
(`bench/peers/history.py`). All snapshots but three are expired: {deleted["deleted_data_files"]:,} data files, {deleted["deleted_manifests"]:,} manifests and
{deleted["deleted_manifest_lists"]:,} manifest lists are deleted, and what is left is held against what pyiceberg reads. `orphans plan` reads every manifest of every
snapshot and looks at every file. pyiceberg's expiry removes the snapshots from the metadata and deletes nothing; its time is without its start."""


def raw_numbers(maintaining):
    rows = [[c.name, ", ".join(f"{s.seconds:.4f}" for s in c.samples), ", ".join(f"{s.cpu:.4f}" for s in c.samples)] for c in maintaining.contest]
    return f"**Expiry and orphans**\n\n{table(['program', 'seconds of each run', 'CPU seconds of each run'], rows)}"


def main():
    rounds = alone.given_rounds(1)
    alone.report(lambda tool, folder: measure(tool, max(os.sched_getaffinity(0)), folder, rounds), targets=targets, section=section, raw_numbers=raw_numbers)


if __name__ == "__main__":
    main()
