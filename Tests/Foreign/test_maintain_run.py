"""`k2-maintain run` beside ClickHouse and k2-offload: all verbs in their order, and nothing that offload needs is lost by it."""

import json
import sqlite3
import subprocess

import pytest
from pyiceberg.expressions import In

from expectations import COLUMNS
from load_process import lines
from offload_process import Offload, problems
from pipeline import Lake
from readers import PyIceberg

SILVER = ["silver_trades"]
VERBS = ["compact", "expire", "orphans-plan", "audit"]


@pytest.fixture
def offload(store, tmp_path):
    return Offload(store, Lake(tmp_path / "lake", None))


def load(offload, data, *arguments):
    offload.store.load(data, "--spool", offload.lake.folder.parent / "spool", *arguments)


def maintain(offload, *arguments, expect=0):
    """The objects that it printed."""
    command = [offload.store.tools.path("k2-maintain"), *map(str, arguments), "--json"]
    done = subprocess.run(command, env=offload.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, f"status {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all_verbs_for_all_tables(offload, lake):
    load(offload, lake.stream.read_bytes())
    offload.run()
    results = [line for line in maintain(offload, "run", "--full", "--lookback", "0s", "--metrics-file", offload.lake.folder / "m.prom") if "status" in line]
    assert [result["verb"] for result in results] == VERBS * len(COLUMNS)
    assert {result["status"] for result in results if result["verb"] == "audit"} <= {"done"}
    assert problems(offload) == []
    health = {line["table"]: line for line in maintain(offload, "status")}
    assert set(health) == set(COLUMNS)
    assert all([verb["verb"] for verb in table["last_run"]["verbs"]] == VERBS for table in health.values())
    for table, status in offload.status().items():
        assert health[table]["rows"] == status["rows"] and health[table]["open_intents"] == 0


def test_offload_goes_on_behind_an_expiry_without_a_trace(offload):
    """Only the last snapshot is left, and then the state store is lost as well: no row is doubled, none is missing."""
    for number in range(7):
        load(offload, lines(number * 300, 300))
        offload.run("--tables", "silver_trades")
    maintain(offload, "run", "--skip", "audit", "--older-than", "0s", "--retain-last", "1")
    (health,) = maintain(offload, "status", "--tables", "silver_trades")
    assert health["snapshots"] == 1, "the compaction, which tells the watermark on"
    load(offload, lines(0, 2100))
    load(offload, lines(2100, 200))
    assert "200 rows added" in offload.run("--tables", "silver_trades")
    assert problems(offload, SILVER) == []
    maintain(offload, "expire", "--older-than", "0s", "--retain-last", "1")
    with sqlite3.connect(offload.lake.folder / "k2.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'offload%' OR name LIKE 'maintenance%')").fetchall():
            connection.execute(f'DROP TABLE "{name}"')
    load(offload, lines(0, 2600))
    said = offload.run("--tables", "silver_trades")
    assert "the state store did not know what this table holds" in said and "300 rows added" in said
    assert problems(offload, SILVER) == []


def test_expiry_beside_an_open_batch(offload):
    """A kill between commit and settling leaves an open intent; the snapshot by which it is settled is not expired."""
    load(offload, lines(0, 300))
    offload.run("--tables", "silver_trades")
    database = offload.lake.folder / "k2.db"
    load(offload, lines(300, 300))
    for attempt in range(60):
        offload.kill_after(0.03 + attempt * 0.01, "--tables", "silver_trades")
        with sqlite3.connect(database) as connection:
            (open_intents,) = connection.execute("SELECT count(*) FROM offload_intents").fetchone()
        maintain(offload, "expire", "--tables", "silver_trades", "--older-than", "0s", "--retain-last", "1")
        if open_intents:
            break
        if attempt % 5 == 4:
            load(offload, lines(600 + attempt * 10, 10))
    offload.run("--tables", "silver_trades")
    maintain(offload, "expire", "--tables", "silver_trades", "--older-than", "0s", "--retain-last", "1")
    assert problems(offload, SILVER) == []
    assert offload.status()["silver_trades"]["open_intents"] == 0


def test_each_plan_for_programs(offload, tmp_path):
    """A dry run of each verb says as JSON what it would do, a line each and a result behind them, and does none of it."""
    for number in range(6):
        load(offload, lines(number * 300, 300))
        offload.run("--tables", "silver_trades")
    folder = offload.lake.folder / "warehouse"
    (data,) = {file.parent.parent for file in folder.rglob("*.parquet")}
    (data / "stray.parquet").write_bytes(b"stray")
    only, now = ("--tables", "silver_trades"), ("--older-than", "0s")

    def planned(*arguments, statuses=("planned",), expect=0):
        """The lines of the plan, and the results."""
        before = sorted(str(file) for file in folder.rglob("*"))
        said = maintain(offload, *arguments, "--dry-run", expect=expect)
        assert sorted(str(file) for file in folder.rglob("*")) == before
        assert all(line["table"] == "silver_trades" and line["verb"] and (line.get("action") or line.get("finding")) for line in said if "status" not in line), said
        results = [line for line in said if "status" in line]
        assert results and {result["status"] for result in results} <= set(statuses), results
        return [line for line in said if "status" not in line], results

    (groups, (result,)) = planned("compact", *only)
    assert sum(len(line["files"]) for line in groups if line["action"] == "rewrite") == result["files_in"] == 6
    assert {line["partition"].split("=")[0] for line in groups} == {"timestamp_day"}
    files, (result,) = planned("expire", *only, *now, "--retain-last", "1")
    assert sum(line.get("action") == "delete" for line in files) == result["deleted_files"] > 0
    files, (result,) = planned("orphans", "plan", *only, *now)
    assert result["orphans"] == 1 and [line["file"].endswith("/stray.parquet") for line in files] == [True]
    plan = tmp_path / "plan.ndjson"
    maintain(offload, "orphans", "plan", *only, *now, "-o", plan)
    files, (result,) = planned("orphans", "apply", plan)
    assert result["moved_files"] == 1 and [line["bytes"] for line in files] == [5]
    maintain(offload, "orphans", "apply", plan)
    (listed, _) = maintain(offload, "orphans", "list", *only)
    files, (result,) = planned("orphans", "restore", listed["quarantine"], *only)
    assert result["restored_files"] == 1 and len(files) == 1
    files, (result,) = planned("orphans", "purge", *only, *now)
    assert result["purged_files"] == 1 and [line["quarantine"] for line in files] == [listed["quarantine"]]
    table = PyIceberg().table(offload.lake, "silver_trades")
    names = [row["trade_id"] for row in PyIceberg().rows(offload.lake, "silver_trades")[:50]]
    table.delete(In("trade_id", names))
    rows, (result,) = planned("audit", *only, "--full", "--lookback", "0s", "--repair", statuses=("different",), expect=3)
    assert result["repair"] == {"add": 50, "remove": 0, "replace": 0, "drop_files": 0, "leave_different": 0, "leave_only_in_cold": 0}
    assert rows
    _, results = planned("run", *only, "--full", "--lookback", "0s", *now, "--orphans-older-than", "0s", statuses=("planned", "nothing", "different"), expect=3)
    assert [result["verb"] for result in results] == VERBS
