"""`k2-maintain audit`: a lake that equals ClickHouse is ok, and whatever is changed in one of them is found and named."""

import datetime
import decimal
import os
import random
import struct
import subprocess
import threading

import pytest
from pyiceberg.manifest import ManifestContent
from pyiceberg.typedef import Record

from audit_process import HOUR, SILVER, START, Audit, data_files, delete_positions, delete_values, iceberg_table, remove, rewrite, rewrite_manifest, rewrite_manifest_list, trades
from delete_files import by_id, commit, entries, equality_deletes
from expectations import COLUMNS
from lake_places import PlacedDuckDB, PlacedPyIceberg
from offload_process import Offload, problems
from pipeline import NAMESPACE, Lake

ROWS = 1000
SEED = int(os.environ.get("K2_FAULT_SEED", "1"))


@pytest.fixture
def offload(store, tmp_path):
    return Offload(store, Lake(tmp_path / "lake", None))


@pytest.fixture
def audit(offload):
    """Of a lake with trades of five and a half hours."""
    load(offload, trades(0, ROWS))
    offload.run("--tables", SILVER)
    return Audit(offload)


def load(offload, data, *arguments):
    offload.store.load(data, "--spool", offload.lake.folder.parent / "spool", *arguments)


class TestEqual:
    def test_eleven_tables(self, offload, lake):
        load(offload, lake.stream.read_bytes())
        offload.run()
        audit = Audit(offload)
        results = audit.run(tables=())
        assert {name: result["result"] for name, result in results.items()} == dict.fromkeys(COLUMNS, "ok"), audit.said
        assert all(result["rows"]["warm"] == result["rows"]["cold"] > 0 for result in results.values())
        candles = {name: result["candles"] for name, result in results.items() if name.startswith("gold_")}
        assert all(found["cold"] > 0 for found in candles.values())

    def test_a_row_for_each_day_in_the_log(self, audit):
        load(audit.offload, trades(5000, 100, start=START + 24 * HOUR))
        audit.offload.run("--tables", SILVER)
        audit.run()
        first, second = audit.log()
        assert (first["ch_row_count"], first["iceberg_row_count"], first["delta"], first["result"]) == (ROWS, ROWS, 0, "ok")
        assert (first["layer"], first["ch_source"], first["audit_window_hours"]) == ("silver", SILVER, 24)
        assert first["ch_hash"] == first["iceberg_hash"] and len(first["ch_hash"]) == 32
        assert second["ch_row_count"] == 100 and second["ch_hash"] != first["ch_hash"]

    def test_days_without_rows(self, audit):
        """Of a range each UTC day has a row in the log. One that is over and silent is not ok, unless it is before the table's first rows."""
        load(audit.offload, trades(5000, 100, start=START + 48 * HOUR))
        audit.offload.run("--tables", SILVER)
        days = ("--from", "2026-02-17", "--to", "2026-02-21")
        result = audit.run(*days, expect=4)
        assert result["days_without_rows"] == ["2026-02-19"] and "no rows on either side on 2026-02-19" in result["summary"]
        lines = audit.log()
        assert [line["result"] for line in lines] == ["unverified", "ok", "unverified", "ok"]
        assert [(line["ch_row_count"], line["iceberg_row_count"]) for line in lines] == [(0, 0), (ROWS, ROWS), (0, 0), (100, 100)]
        assert len({line["window_start"] for line in lines}) == 4 and all(line["audit_window_hours"] == 24 for line in lines)
        assert audit.run("--from", "2026-02-17", "--to", "2026-02-19")["result"] == "ok"
        assert audit.run("--from", "2026-02-19", "--to", "2026-02-21", expect=4)["days_without_rows"] == ["2026-02-19"]
        before = len(audit.log())
        assert audit.run(*days, "--may-be-empty", SILVER)["result"] == "ok"
        assert [line["result"] for line in audit.log()[before:]] == ["ok"] * 4

    def test_rows_that_stand_twice_in_clickhouse(self, audit):
        load(audit.offload, trades(0, ROWS), "--batch-rows", 300)
        assert audit.run()["result"] == "ok"

    def test_rows_not_yet_offloaded(self, audit):
        load(audit.offload, trades(ROWS, 50, start=START + 5 * HOUR))
        result = audit.run()
        assert result["result"] == "ok" and result["rows"]["pending"] == 50

    def test_rows_that_the_lake_has_earlier(self, audit):
        """From the stream, before ClickHouse's rows are offloaded."""
        stream = audit.offload.lake.folder / "stream.ndjson"
        stream.write_bytes(trades(ROWS, 50, start=START + 5 * HOUR))
        audit.offload.store.tools.load(Lake(audit.offload.lake.folder, stream))
        load(audit.offload, trades(ROWS, 80, start=START + 5 * HOUR))
        assert audit.run()["rows"]["pending"] == 30

    def test_rows_that_came_late(self, audit):
        """Stamped before the watermark and not in the lake: the next run takes them."""
        load(audit.offload, trades(ROWS, 20, start=START))
        audit.offload.store.run(
            f"ALTER TABLE {SILVER} UPDATE loaded_at = loaded_at - INTERVAL 100 SECOND WHERE source_sequence >= {ROWS} SETTINGS mutations_sync = 2"
        )
        assert audit.run("--lookback", "15m")["rows"]["pending"] == 20
        assert audit.run(expect=3)["rows"]["missing"] == 20

    def test_files_of_pyiceberg(self, audit):
        rewrite(audit.offload.lake, lambda rows: rows)
        assert audit.run()["result"] == "ok"

    def test_only_the_hours_that_are_asked_for(self, audit):
        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 0])
        later = START + HOUR
        assert audit.run("--from", f"{later.isoformat()}Z", "--to", "2026-02-19")["rows"]["cold"] == ROWS - 180
        assert audit.run("--from", "2026-02-18", "--to", f"{later.isoformat()}Z", expect=3)["rows"]["missing"] == 1


def change_row(number, **changes):
    def change(rows):
        for row in rows:
            if row["source_sequence"] == number:
                row.update({name: value(row[name]) if callable(value) else value for name, value in changes.items()})

    return change


class TestDifferences:
    """One thing is changed in the lake; it is found and named."""

    def check(self, audit, change, kind, *, listed=None, columns=()):
        rewrite(audit.offload.lake, change)
        result = audit.run(expect=3)
        assert result["result"] == "different" and result["rows"][kind] == 1, result
        (row,) = audit.rows(listed or kind)
        assert row["identity"] == {"exchange": "binance", "symbol": "BTCUSDT", "trade_id": "BINANCE-77"}
        (hour,) = audit.rows("hour")
        assert hour["hour"] == "2026-02-18T10:00:00.000000Z" and hour[kind] == 1
        assert set(row.get("columns", {})) == set(columns)
        assert audit.log()[-1]["result"] == "different"
        return row

    def test_a_row_removed(self, audit):
        self.check(audit, lambda rows: [row for row in rows if row["source_sequence"] != 77], "missing")

    def test_a_row_doubled(self, audit):
        self.check(audit, lambda rows: rows + [row for row in rows if row["source_sequence"] == 77], "doubled")

    def test_a_row_doubled_with_another_value(self, audit):
        def change(rows):
            (row,) = (dict(row) for row in rows if row["source_sequence"] == 77)
            return rows + [row | {"side": "UNKNOWN"}]

        self.check(audit, change, "differs", columns=["side"])

    def test_a_row_too_many(self, audit):
        def change(rows):
            rows.append(dict(rows[0]) | {"trade_id": "BINANCE-77", "symbol": "BTCUSDT"})
            audit.offload.store.run(f"ALTER TABLE {SILVER} DELETE WHERE source_sequence = 77 SETTINGS mutations_sync = 2")
            return [row for row in rows if row["source_sequence"] != 77]

        rewrite(audit.offload.lake, change)
        result = audit.run(expect=3)
        assert result["rows"]["only_in_cold"] == 1 and result["rows"]["missing"] == 0
        assert audit.rows("only_in_cold")[0]["identity"]["trade_id"] == "BINANCE-77"

    @pytest.mark.parametrize(
        "column, value",
        [
            ("price", lambda price: price + decimal.Decimal("0.000000000001")),
            ("quote_volume", lambda volume: volume - decimal.Decimal("0.000000000000000001")),
            ("timestamp", lambda time: time + datetime.timedelta(microseconds=1)),
            ("message_id", lambda _: __import__("uuid").UUID("00000000-0000-8000-8000-000000000000").bytes),
            ("is_valid", lambda valid: not valid),
            ("source_sequence", None),
            ("origin", "rest"),
            ("trade_conditions", lambda list: [*list, "m"]),
            ("trade_conditions", lambda list: [*list, ""]),
            ("validation_errors", lambda list: ["other"]),
            ("vendor_data", lambda map: [*(map or []), ("key", "value")]),
            ("vendor_data", lambda map: [("ord", "other")]),
        ],
    )
    def test_a_value_changed(self, audit, column, value):
        row = self.check(audit, change_row(77, **{column: value}), "differs", columns=[column])
        sides = row["columns"][column]
        assert sides["warm"] != sides["cold"]

    def test_list_elements_in_another_order(self, audit):
        numbers = []

        def change(rows):
            for row in rows:
                if not numbers and len(set(row["trade_conditions"] or ())) > 1:
                    numbers.append(row["source_sequence"])
                    row["trade_conditions"] = list(reversed(row["trade_conditions"]))

        rewrite(audit.offload.lake, change)
        audit.run(expect=3)
        (row,) = audit.rows("differs")
        assert row["identity"]["trade_id"] == f"BINANCE-{numbers[0]}"

    def test_map_entries_in_another_order_are_the_same(self, audit):
        def change(rows):
            assert any(len(row["vendor_data"] or ()) > 1 for row in rows)
            for row in rows:
                row["vendor_data"] = list(reversed(row["vendor_data"] or []))

        rewrite(audit.offload.lake, change)
        assert audit.run()["result"] == "ok"

    def test_values_swapped_between_columns_and_rows(self, audit):
        def change(rows):
            rows[3]["side"], rows[3]["origin"] = rows[3]["origin"], rows[3]["side"]
            rows[10]["price"], rows[11]["price"] = rows[11]["price"], rows[10]["price"]

        rewrite(audit.offload.lake, change)
        assert audit.run(expect=3)["rows"]["differs"] == 3

    def test_a_value_changed_in_clickhouse(self, audit):
        audit.offload.store.run(f"ALTER TABLE {SILVER} UPDATE price = price + 1 WHERE source_sequence = 77 SETTINGS mutations_sync = 2")
        audit.run(expect=3)
        assert set(audit.rows("differs")[0]["columns"]) == {"price"}

    def test_many(self, audit):
        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] % 2])
        assert audit.run("--list", 3, expect=3)["rows"]["missing"] == ROWS / 2
        assert len(audit.rows("missing")) == 3 and len(audit.rows("hour")) == 6


class TestFiles:
    def test_lost(self, audit):
        (file,) = data_files(audit.offload.lake)
        remove(file)
        result = audit.run(expect=3)
        assert result["bad_files"] == 1 and [line["file"] for line in audit.rows("file_lost")] == [file]

    def test_unreadable(self, audit):
        from readers import plain_path

        (file,) = data_files(audit.offload.lake)
        with open(plain_path(file), "r+b") as data:
            data.seek(4)
            data.write(b"\xff" * 40)
        audit.run(expect=3)
        assert [line["file"] for line in audit.rows("file_unreadable")] == [file]

    def test_cut_off(self, audit):
        from readers import plain_path

        (file,) = data_files(audit.offload.lake)
        with open(plain_path(file), "r+b") as data:
            data.truncate(5000)
        audit.run(expect=3)
        assert audit.rows("file_unreadable") and "size" in audit.rows("file_misdescribed")[0]["what"]

    def described(self, audit, change, *words):
        rewrite_manifest(audit.offload.lake, change)
        result = audit.run(expect=3)
        assert result["rows"]["missing"] == 0
        # Counts of rows are in the list of manifests, too.
        (line,) = [line for line in audit.rows("file_misdescribed") if line["file"].endswith(".parquet")]
        assert all(word in line["what"] for word in words), line

    def bounds(self, audit, name):
        return iceberg_table(audit.offload.lake).schema().find_field(name).field_id

    def test_an_upper_bound(self, audit):
        field = self.bounds(audit, "timestamp")
        early = struct.pack("<q", int(START.replace(tzinfo=datetime.timezone.utc).timestamp() * 1e6) + 7)
        self.described(audit, lambda file: file["upper_bounds"].__setitem__(field, early), "timestamp", "upper bound", "below")

    def test_a_lower_bound(self, audit):
        field = self.bounds(audit, "trade_id")
        self.described(audit, lambda file: file["lower_bounds"].__setitem__(field, b"BINANCE-5"), "trade_id", "lower bound", "above")

    def listed(self, audit, change, *words):
        rewrite_manifest_list(audit.offload.lake, change)
        (manifest,) = iceberg_table(audit.offload.lake).current_snapshot().manifests(iceberg_table(audit.offload.lake).io)
        result = audit.run(expect=3)
        assert result["rows"]["missing"] == 0 and result["bad_files"] == 1
        (line,) = audit.rows("file_misdescribed")
        assert line["file"] == manifest.manifest_path and all(word in line["what"] for word in words), line
        result = audit.run("--repair", expect=3)
        assert result["repaired"]["commits"] == 0

    def test_partitions_in_the_manifest_list(self, audit):
        """Readers leave the manifest out by them."""
        later, latest = (struct.pack("<i", days) for days in (30_000, 30_001))

        def change(manifest):
            manifest.partitions[0]._data[2:4] = [later, latest]

        self.listed(audit, change, "manifest list says partition values", "30000")

    def test_rows_in_the_manifest_list(self, audit):
        """Readers count by them."""

        def change(manifest):
            manifest._data[10] = 77_777

        self.listed(audit, change, "77777 rows in added files", f"the manifest has {ROWS}")

    def test_bounds_in_the_footer(self, audit):
        """Readers leave out row groups by them: rows are there and not found."""
        from readers import plain_path

        (file,) = data_files(audit.offload.lake)
        path = plain_path(file)
        data = open(path, "rb").read()
        footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        changed = data[footer:].replace(b"BINANCE-999", b"BINANCE-555")
        assert changed != data[footer:]
        with open(path, "wb") as out:
            out.write(data[:footer] + changed)
        audit.run(expect=3)
        (line,) = audit.rows("file_misdescribed")
        assert line["file"] == file and "footer says" in line["what"] and "row group 0" in line["what"], line

    def test_a_codec_that_is_not_read(self, audit):
        """Its rows are not missing: nobody knows."""
        import pyarrow.parquet
        from readers import plain_path

        load(audit.offload, trades(5000, 10, start=START + 24 * HOUR))
        audit.offload.run("--tables", SILVER)
        file = next(path for path in data_files(audit.offload.lake) if "2026-02-18" in path)
        path = plain_path(file)
        pyarrow.parquet.write_table(pyarrow.parquet.ParquetFile(path).read(), path, compression="lz4")

        def change(entry):
            if entry["file_path"] == file:
                entry["file_size"] = os.path.getsize(path)

        rewrite_manifest(audit.offload.lake, change)
        result = audit.run(expect=4)
        assert result["result"] == "unverified" and result["rows"]["missing"] == 0 and result["rows"]["unread"] == ROWS and result["bad_files"] == 1
        (line,) = audit.rows("file_unsupported")
        assert line["file"] == file and "lz4" in line["what"].lower() and file in str(result["reasons"])
        assert {row["result"] for row in audit.log()} == {"unverified"}
        assert audit.run("--repair", expect=4)["repaired"]["commits"] == 0

    def test_the_same_file_twice(self, audit):
        (file,) = data_files(audit.offload.lake)
        iceberg_table(audit.offload.lake).add_files([file], check_duplicate_files=False)
        result = audit.run(expect=3)
        assert result["rows"]["doubled"] == ROWS
        (line,) = audit.rows("file_misdescribed")
        assert line["file"] == file and "2 times" in line["what"]
        assert "not repaired" in str(audit.run("--repair", expect=3)["repaired"]["left"])

    def test_a_record_count(self, audit):
        self.described(audit, lambda file: file.__setitem__("record_count", ROWS + 1), "record count", str(ROWS + 1), str(ROWS))

    def test_null_counts(self, audit):
        field = self.bounds(audit, "source_sequence")
        self.described(audit, lambda file: file["null_value_counts"].__setitem__(field, 5), "source_sequence", "5 nulls", "has 0")

    def test_a_partition(self, audit):
        from pyiceberg.typedef import Record

        self.described(audit, lambda file: file.__setitem__("partition", Record(20501)), "partition timestamp_day")


class TestDeletes:
    """Rows that delete files take are as missing as others: the lake's readers do not see them."""

    def test_by_position(self, audit):
        delete_positions(audit.offload.lake, [5, 6, 7])
        result = audit.run(expect=3)
        assert result["rows"]["missing"] == 3 and result["rows"]["cold"] == ROWS - 3 and result["bad_files"] == 0
        assert audit.run("--repair")["repaired"]["added"] == 3
        assert problems(audit.offload, [SILVER]) == []

    def test_by_value(self, audit):
        delete_values(audit.offload.lake, "trade_id", ["BINANCE-77", "BINANCE-500", "BINANCE-999999"])
        result = audit.run(expect=3)
        assert result["rows"]["missing"] == 2 and result["bad_files"] == 0
        assert {row["identity"]["trade_id"] for row in audit.rows("missing")} == {"BINANCE-77", "BINANCE-500"}
        assert audit.run("--repair")["repaired"]["added"] == 2
        # The readers of these tests know no equality deletes.
        audit.maintain("compact")
        assert problems(audit.offload, [SILVER]) == []

    def test_beside_rows_that_are_doubled(self, audit):
        """A file that is written anew for them is written without those that are deleted, which come back from ClickHouse."""
        rewrite(audit.offload.lake, lambda rows: rows + [row for row in rows if row["source_sequence"] in (700, 701)])
        delete_positions(audit.offload.lake, [5, 6, 7])
        delete_values(audit.offload.lake, "trade_id", ["BINANCE-500"])
        result = audit.run(expect=3)
        assert (result["rows"]["missing"], result["rows"]["doubled"]) == (4, 2)
        result = audit.run("--repair")
        assert (result["repaired"]["added"], result["repaired"]["removed"]) == (4, 2) and result["rows"]["cold"] == ROWS
        audit.maintain("compact")
        assert audit.run()["result"] == "ok" and problems(audit.offload, [SILVER]) == []

    def test_rows_that_are_deleted_on_both_sides(self, audit):
        delete_positions(audit.offload.lake, [5])
        audit.offload.store.run(f"ALTER TABLE {SILVER} DELETE WHERE source_sequence = 5 SETTINGS mutations_sync = 2")
        assert audit.run()["rows"]["cold"] == ROWS - 1

    def test_rows_that_are_deleted_by_their_values(self, audit):
        """By an engine that is none of ours; what the audit reads is the same before the delete file is applied for good and afterwards."""
        table = iceberg_table(audit.offload.lake)
        entry, spec_id = entries(table, ManifestContent.DATA)[0]
        ids = [table.schema().find_field(name).field_id for name in ("trade_id", "exchange", "source_sequence")]
        keys = [tuple(row[id] for id in ids) for row in by_id(entry.data_file.file_path)[5:9]]
        commit(table, [equality_deletes(table, keys, ids, spec_id, entry.data_file.partition)])
        missing = [audit.run(expect=3)["rows"]["missing"]]
        command = [audit.offload.store.tools.path("k2-maintain"), "compact", "--tables", SILVER]
        subprocess.run(command, env=audit.offload.environment, check=True, capture_output=True)
        assert entries(table.refresh(), ManifestContent.DELETES) == []
        missing.append(audit.run(expect=3)["rows"]["missing"])
        assert missing == [4, 4]
        audit.run("--repair")


class TestOneSideIsMissing:
    def test_clickhouse_is_down(self, audit):
        result = audit.run(expect=4, K2_CLICKHOUSE_URL="http://127.0.0.1:1/k2")
        assert result["result"] == "unverified" and "127.0.0.1:1" in result["reasons"][0]
        assert audit.log()[-1]["result"] == "unverified" and audit.log()[-1]["ch_row_count"] is None

    def test_clickhouse_is_down_and_a_file_is_lost(self, audit):
        remove(data_files(audit.offload.lake)[0])
        audit.run(expect=3, K2_CLICKHOUSE_URL="http://127.0.0.1:1/k2")
        assert audit.rows("file_lost")

    def test_no_table_in_clickhouse(self, audit):
        audit.offload.store.run(f"RENAME TABLE {SILVER} TO elsewhere")
        assert "no table silver_trades" in audit.run(expect=4)["reasons"][0]

    def test_another_type_in_clickhouse(self, audit):
        audit.offload.store.run(f"ALTER TABLE {SILVER} MODIFY COLUMN origin FixedString(8) SETTINGS mutations_sync = 2")
        assert "column origin" in audit.run(expect=4)["reasons"][0]

    def test_clickhouse_is_empty(self, audit):
        audit.offload.store.run(f"TRUNCATE TABLE {SILVER} SYNC")
        result = audit.run(expect=3)
        assert result["rows"]["only_in_cold"] == ROWS and result["differences"] == ["ClickHouse has no rows there"]

    def test_the_lake_is_empty(self, audit):
        iceberg_table(audit.offload.lake).delete()
        result = audit.run(expect=3)
        assert result["rows"]["missing"] == ROWS and result["differences"] == ["the lake has no rows there"]

    def test_no_table_in_the_lake(self, audit):
        from pipeline import NAMESPACE
        from readers import PyIceberg

        PyIceberg().catalog(audit.offload.lake).drop_table(f"{NAMESPACE}.{SILVER}")
        assert "no table cold.silver_trades" in audit.run(expect=3)["differences"][0]

    def test_never_offloaded(self, offload):
        load(offload, trades(0, 10))
        offload.run("--tables", "feed_gaps")
        assert "nothing was offloaded" in Audit(offload).run(tables=[SILVER], expect=4)["reasons"][0]

    def test_both_are_empty(self, offload):
        offload.run()
        audit = Audit(offload)
        assert audit.run(tables=[SILVER], expect=4)["reasons"] == ["no rows on either side"]
        assert audit.run(tables=["feed_gaps"])["result"] == "ok"
        assert audit.run("--may-be-empty", SILVER, tables=[SILVER])["result"] == "ok"
        assert audit.run("--may-be-empty", SILVER, tables=["feed_gaps"], expect=4)

    def test_empty_is_told_from_out_of_reach(self, offload):
        """A ledger of gaps without gaps is well, when both sides were seen to have none."""
        offload.run()
        audit, gaps = Audit(offload), "feed_gaps"

        def found(expect, **changes):
            result = audit.run(tables=[gaps], expect=expect, **changes)
            (line,) = audit.log()[-1:]
            assert line["result"] == result["result"]
            assert ("empty" in result, "empty on both sides" in result["summary"], "empty on both sides" in (line["notes"] or "")) == (expect == 0,) * 3
            return result

        assert found(0)["empty"] is True
        address = audit.environment["K2_CLICKHOUSE_URL"]
        assert "ClickHouse" in found(4, K2_CLICKHOUSE_URL=f"{address}_elsewhere")["reasons"][0]
        assert "127.0.0.1:1" in found(4, K2_CLICKHOUSE_URL="http://127.0.0.1:1/k2")["reasons"][0]
        offload.store.run(f"RENAME TABLE {gaps} TO elsewhere")
        assert "no table feed_gaps" in found(4)["reasons"][0]
        offload.store.run(f"RENAME TABLE elsewhere TO {gaps}")
        found(0)
        from readers import PyIceberg

        PyIceberg().catalog(offload.lake).drop_table(f"{NAMESPACE}.{gaps}")
        assert audit.run(tables=[gaps], expect=3)["result"] == "different"

    def test_the_offload_stands_still(self, audit):
        """Rows that wait too long are not taken for rows that are well."""
        load(audit.offload, trades(ROWS, 5, start=START))
        found = audit.run("--max-lag", "0s", expect=4)
        assert found["rows"]["pending"] == 5 and "5 rows wait" in found["reasons"][0]

    def test_older_than_clickhouse_keeps(self, bare_store, tmp_path):
        """Rows leave ClickHouse by their TTL; the lake keeps them."""
        bare_store.init()
        offload = Offload(bare_store, Lake(tmp_path / "lake", None))
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, minute=0, second=0, microsecond=0)
        stream = tmp_path / "old.ndjson"
        stream.write_bytes(trades(0, 100, start=now - 45 * 24 * HOUR))
        offload.lake.folder.mkdir(parents=True)
        offload.store.tools.load(Lake(offload.lake.folder, stream))
        load(offload, trades(1000, 100, start=now - 3 * HOUR))
        load(offload, trades(2000, 100, start=now - 26 * HOUR))
        offload.run("--tables", SILVER)
        audit = Audit(offload)
        assert audit.run("--default")["result"] == "ok"
        result = audit.run(expect=4)
        assert result["rows"]["expired"] == 100 and result["rows"]["only_in_cold"] == 0
        assert "30 days" in result["reasons"][0]
        assert {line["result"] for line in audit.log() if line["iceberg_row_count"] and line["ch_row_count"]} == {"ok", "unverified"}


class TestRepair:
    def test_missing_and_doubled(self, audit):
        def change(rows):
            kept = [row for row in rows if row["source_sequence"] % 100 != 7]
            return kept + [row for row in kept if row["source_sequence"] % 50 == 3]

        rewrite(audit.offload.lake, change)
        result = audit.run("--repair", "--dry-run", expect=3)
        assert "would add 10 rows and remove 20" in result["summary"]
        result = audit.run("--repair")
        assert result["result"] == "ok" and result["repaired"] == {"added": 10, "removed": 20, "replaced": 0, "dropped_files": 0, "commits": 1, "left": []}
        assert audit.run()["rows"]["cold"] == ROWS
        assert problems(audit.offload, [SILVER]) == []
        assert "rows added" not in audit.offload.run("--tables", SILVER, "--lookback", "1h")
        assert problems(audit.offload, [SILVER]) == [] and audit.offload.status()[SILVER]["open_intents"] == 0

    def test_in_many_shares(self, audit):
        """As after a huge loss: a commit each, and a row that the lake has elsewhere is in none of them."""
        offload, late = audit.offload, START.replace(hour=23, minute=30)
        load(offload, trades(5000, 1, start=late))
        offload.run("--tables", SILVER)
        load(offload, trades(5000, 1, start=late + HOUR) + trades(6000, 200, start=late + 2 * HOUR, step=datetime.timedelta(seconds=1)))
        offload.run("--tables", SILVER)

        def change(rows):
            kept = [row for row in rows if row["source_sequence"] % 3]
            return kept + [row for row in kept if row["source_sequence"] % 10 == 7]

        rewrite(offload.lake, change)
        found = audit.run("--from", "2026-02-18", "--to", "2026-02-20", expect=3)["rows"]
        assert (found["missing"], found["doubled"], found["differs"]) == (401, 81, 1), found
        result = audit.run("--from", "2026-02-18", "--to", "2026-02-20", "--repair", "--repair-rows", 50, expect=3)
        assert (result["repaired"]["added"], result["repaired"]["removed"]) == (401, 81) and result["repaired"]["commits"] > 8
        assert result["rows"]["missing"] == result["rows"]["doubled"] == 0 and result["rows"]["differs"] == 1
        held = [row["source_sequence"] for row in iceberg_table(offload.lake).scan().to_arrow().to_pylist()]
        assert len(held) == len(set(held)) == ROWS + 201

    def test_twice_the_same(self, audit):
        """Rows that were lost, brought back, and lost again."""
        for _ in range(2):
            rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 77])
            assert audit.run("--repair")["repaired"]["added"] == 1

    def test_all_rows_of_an_empty_table(self, audit):
        iceberg_table(audit.offload.lake).delete()
        assert audit.run("--repair")["repaired"]["added"] == ROWS
        assert problems(audit.offload, [SILVER]) == []

    def test_rows_with_other_values_stay_unless_that_is_asked_for(self, audit):
        rewrite(audit.offload.lake, change_row(77, price=lambda price: price + 1))
        result = audit.run("--repair", expect=3)
        assert result["rows"]["differs"] == 1 and result["repaired"]["commits"] == 0
        result = audit.run("--repair", "--replace-different")
        assert result["repaired"]["replaced"] == 1 and result["result"] == "ok"
        assert problems(audit.offload, [SILVER]) == []

    def test_a_row_doubled_with_another_value(self, audit):
        """It goes only where ClickHouse is said to be right, and then the right one stays."""
        for side in ("A", "Z"):

            def change(rows):
                (row,) = (dict(row) for row in rows if row["source_sequence"] == 77)
                return rows + [row | {"side": side}]

            rewrite(audit.offload.lake, change)
            result = audit.run("--repair", expect=3)
            assert result["rows"]["differs"] == 1 and result["rows"]["cold"] == ROWS + 1 and result["repaired"]["commits"] == 0
            result = audit.run("--repair", "--replace-different")
            assert result["repaired"]["replaced"] == 1 and result["result"] == "ok" and result["rows"]["cold"] == ROWS
        assert problems(audit.offload, [SILVER]) == []

    def test_revisions_of_a_candle_that_clickhouse_lost(self, offload, lake):
        """Two revisions of some candles are in the lake: of none the newer one goes."""
        load(offload, lake.stream.read_bytes())
        offload.run()
        audit, table, count = Audit(offload), "gold_ohlcv_1m", 6
        harmed = {}

        def change(rows):
            older = []
            for row in rows[:count]:
                row["revision"] += 1
                harmed[(row["exchange"], row["canonical_symbol"], row["window_start"])] = row["revision"]
                older.append(row | {"revision": row["revision"] - 1, "volume": row["volume"] + 1})
            return older + rows

        rewrite(offload.lake, change, table)
        result = audit.run("--repair", "--dry-run", tables=[table], expect=3)
        assert result["rows"]["doubled"] == 0 and "remove 0" in result["summary"]
        offload.store.run("TRUNCATE TABLE ohlcv_1m SYNC")
        assert audit.run("--repair", tables=[table], expect=3)["repaired"]["removed"] == 0
        result = audit.run("--repair", "--replace-different", tables=[table], expect=3)
        assert result["repaired"]["replaced"] == count and result["rows"]["differs"] == 0
        rows = iceberg_table(offload.lake, table).scan().to_arrow().to_pylist()
        kept = {(row["exchange"], row["canonical_symbol"], row["window_start"]): row["revision"] for row in rows}
        assert len(rows) == len(kept) and all(kept[name] == revision for name, revision in harmed.items())

    def test_a_row_that_the_lake_has_under_another_time(self, audit):
        """ClickHouse got a trade again with the next day's time; the lake keeps the first version, in a partition that is not audited."""
        offload, late = audit.offload, START.replace(hour=23, minute=30)
        load(offload, trades(5000, 1, start=late))
        offload.run("--tables", SILVER)
        load(offload, trades(5000, 1, start=late + HOUR))
        # It is known to the offload, which drops it.
        assert "rows added" not in offload.run("--tables", SILVER)
        load(offload, trades(6000, 10, start=late + 2 * HOUR))
        offload.run("--tables", SILVER)
        rewrite(offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 6003])
        days = ("--from", "2026-02-19", "--to", "2026-02-20")
        result = audit.run(*days, "--repair", "--dry-run", expect=3)
        assert (result["rows"]["missing"], result["rows"]["differs"]) == (1, 1)
        assert "would add 1 rows" in result["summary"] and "leave 1 that differ" in result["summary"]
        (row,) = audit.rows("differs")
        assert row["identity"]["trade_id"] == "BINANCE-5000" and "timestamp" in row["columns"] and "2026-02-18" in row["columns"]["timestamp"]["cold"]
        assert row["file"] in data_files(offload.lake)
        for arguments, added in (("--repair",), 1), (("--repair", "--replace-different"), 0):
            result = audit.run(*days, *arguments, expect=3)
            assert (result["rows"]["missing"], result["rows"]["differs"]) == (0, 1)
            assert (result["repaired"]["added"], result["repaired"]["replaced"]) == (added, 0) and "under another time" in result["repaired"]["left"][0]
        held = [row["source_sequence"] for row in iceberg_table(offload.lake).scan().to_arrow().to_pylist()]
        assert held.count(5000) == held.count(6003) == 1 and len(held) == ROWS + 11

    def test_rows_are_not_added_while_a_file_elsewhere_is_lost(self, audit):
        """It may be there."""
        load(audit.offload, trades(5000, 10, start=START + 24 * HOUR))
        audit.offload.run("--tables", SILVER)
        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 5003])
        first = next(path for path in data_files(audit.offload.lake) if "2026-02-18" in path)
        remove(first)
        result = audit.run("--from", "2026-02-19", "--to", "2026-02-20", "--repair", expect=3)
        assert result["rows"]["missing"] == 1 and result["repaired"]["added"] == 0 and first in result["repaired"]["left"][0]
        assert [line["file"] for line in audit.rows("file_lost")] == [first]

    def test_rows_that_only_the_lake_has_stay(self, audit):
        audit.offload.store.run(f"ALTER TABLE {SILVER} DELETE WHERE source_sequence = 77 SETTINGS mutations_sync = 2")
        result = audit.run("--repair", "--replace-different", expect=3)
        assert result["rows"]["only_in_cold"] == 1 and result["rows"]["cold"] == ROWS

    def test_a_lost_file(self, audit):
        remove(data_files(audit.offload.lake)[0])
        result = audit.run("--repair", expect=3)
        assert result["repaired"]["commits"] == 0 and "lost" in result["repaired"]["left"][0]
        result = audit.run("--repair", "--drop-lost-files")
        assert result["repaired"]["dropped_files"] == 1 and result["repaired"]["added"] == ROWS
        assert problems(audit.offload, [SILVER]) == []

    def test_rows_in_a_file_whose_manifest_puts_it_elsewhere(self, offload):
        """Their time names them, too; a file far from the range may have them all the same."""
        gaps = [("binance", "B", 1, "2026-02-18 10:00:00"), ("binance", "B", 1, "2026-02-19 10:00:00"), ("binance", "B", 5, "2026-02-19 11:00:00")]
        for exchange, symbol, first, at in gaps:
            offload.store.run(f"INSERT INTO feed_gaps (exchange, symbol, first_missing, last_missing, state, detected_at) VALUES ('{exchange}', '{symbol}', {first}, {first}, 'open', '{at}')")
        offload.run("--tables", "feed_gaps")
        audit = Audit(offload)
        assert audit.run(tables=["feed_gaps"])["rows"]["cold"] == len(gaps)
        field = iceberg_table(offload.lake, "feed_gaps").schema().find_field("detected_at").field_id
        far = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)

        def change(file):
            for bounds in ("lower_bounds", "upper_bounds"):
                file[bounds][field] = struct.pack("<q", int(far.timestamp() * 1e6))
            file["partition"] = Record(*[int(far.timestamp()) // 86_400] * len(file["partition"]))

        def listed(manifest):
            manifest.partitions[0]._data[2:4] = [struct.pack("<i", int(far.timestamp()) // 86_400)] * 2

        rewrite_manifest(offload.lake, change, "feed_gaps")
        rewrite_manifest_list(offload.lake, listed, "feed_gaps")
        audit.run("--from", "2026-02-18", "--to", "2026-02-20", "--repair", tables=["feed_gaps"], expect=3)
        assert iceberg_table(offload.lake, "feed_gaps").scan().to_arrow().num_rows == len(gaps)

    def test_doubled_rows_of_an_older_partition_spec(self, audit):
        """They stay, and what is missing comes all the same."""
        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] >= 5] + [row for row in rows if 20 <= row["source_sequence"] < 30])
        table = iceberg_table(audit.offload.lake)
        with table.update_spec() as update:
            for field in table.spec().fields:
                update.remove_field(field.name)
        result = audit.run("--repair", expect=3)
        assert (result["repaired"]["added"], result["repaired"]["removed"]) == (5, 0)
        assert "10 rows stay in files of an older partition spec" in str(result["repaired"]["left"]) and result["rows"]["doubled"] == 10

    def test_not_while_a_file_is_misdescribed(self, audit):
        """With a wrong bound, a file's rows could be taken for missing."""
        field = iceberg_table(audit.offload.lake).schema().find_field("timestamp").field_id
        rewrite_manifest(audit.offload.lake, lambda file: file["upper_bounds"].__setitem__(field, struct.pack("<q", 7)))
        result = audit.run("--repair", expect=3)
        assert result["repaired"]["commits"] == 0 and result["rows"]["missing"] == 0

    def test_rows_that_wait_are_left_to_the_offload(self, audit):
        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 77])
        load(audit.offload, trades(ROWS, 50, start=START))
        result = audit.run("--repair")
        assert result["repaired"]["added"] == 1 and result["rows"]["pending"] == 50
        assert "50 rows added" in audit.offload.run("--tables", SILVER)
        assert problems(audit.offload, [SILVER]) == []

    def test_candles(self, offload, lake):
        load(offload, lake.stream.read_bytes())
        offload.run()
        audit, table = Audit(offload), "gold_ohlcv_1m"
        rewrite(offload.lake, lambda rows: rows[2:] + rows[10:13], table)
        result = audit.run("--repair", tables=[table])
        assert (result["repaired"]["added"], result["repaired"]["removed"]) == (2, 3) and result["result"] == "ok"
        assert problems(offload, [table]) == []

    RUNS = int(os.environ.get("K2_FAULT_RUNS", "12"))

    def test_killed_anywhere(self, audit):
        """A repair that dies leaves a table that the next one repairs: no row is lost, none is doubled."""
        source = random.Random(SEED)
        for _ in range(self.RUNS):
            numbers = [source.randrange(ROWS) for _ in range(20)]

            def change(rows):
                kept = [row for row in rows if row["source_sequence"] not in numbers[:10]]
                return kept + [row for row in kept if row["source_sequence"] in numbers[10:]]

            rewrite(audit.offload.lake, change)
            audit.kill_after(source.uniform(0.05, 0.5), "--repair")
            assert audit.run("--repair")["rows"]["cold"] == ROWS, f"seed {SEED}"
        assert problems(audit.offload, [SILVER]) == []
        audit.offload.run("--tables", SILVER)
        assert audit.offload.status()[SILVER]["open_intents"] == 0

    def test_settled_by_the_next_repair(self, audit):
        """A repair that dies behind its commit leaves its batch open, and nothing to repair."""
        import sqlite3

        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 77])
        path = audit.environment["K2_STATE"].removeprefix("sqlite:")
        with sqlite3.connect(path) as state:
            state.execute("CREATE TRIGGER dead BEFORE DELETE ON offload_intents BEGIN SELECT RAISE(ABORT, 'dead'); END")
        audit.run("--repair", "--retries", "0", expect=1)
        with sqlite3.connect(path) as state:
            state.execute("DROP TRIGGER dead")
        assert audit.offload.status()[SILVER]["open_intents"] == 1
        assert audit.run("--repair", "--dry-run")["rows"]["cold"] == ROWS
        assert audit.offload.status()[SILVER]["open_intents"] == 1
        assert audit.run("--repair")["result"] == "ok" and "had been committed" in audit.said
        assert audit.offload.status()[SILVER]["open_intents"] == 0

    def test_while_a_load_has_the_table(self, audit):
        import sqlite3

        rewrite(audit.offload.lake, lambda rows: [row for row in rows if row["source_sequence"] != 77])
        with sqlite3.connect(audit.environment["K2_STATE"].removeprefix("sqlite:")) as state:
            state.execute("INSERT INTO offload_leases (table_name, holder, expires_at) VALUES (?, 'elsewhere:1:2', 9000000000000000)", [SILVER])
        audit.run("--repair", expect=75)
        assert "lease" in audit.said


class TestMeanwhile:
    """Loads and offloads beside an audit make no difference."""

    def test_loads_and_offloads(self, audit):
        offload, stop, problems_of_writer = audit.offload, threading.Event(), []

        def write():
            first = ROWS
            try:
                while not stop.is_set():
                    load(offload, trades(first, 60, start=START))
                    offload.run("--tables", SILVER)
                    first += 60
            except AssertionError as error:
                problems_of_writer.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(6):
                assert audit.run()["rows"]["missing"] == 0
        finally:
            stop.set()
            writer.join(60)
        assert not problems_of_writer

    def test_compaction_and_expiry(self, audit):
        """Files are laid together and deleted while they are read, in other processes."""
        offload, stop, problems_of_writer = audit.offload, threading.Event(), []

        def work():
            first = ROWS
            try:
                while not stop.is_set():
                    for _ in range(3):
                        load(offload, trades(first, 60, start=START))
                        offload.run("--tables", SILVER)
                        first += 60
                    audit.maintain("compact", "--min-input-files", 2)
                    audit.maintain("expire", "--older-than", "0s", "--retain-last", 1)
            except AssertionError as error:
                problems_of_writer.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for _ in range(8):
                found = audit.run()
                assert found["rows"]["missing"] == found["rows"]["doubled"] == found["bad_files"] == 0
        finally:
            stop.set()
            worker.join(60)
        assert not problems_of_writer and audit.run()["result"] == "ok"

    def test_files_go_while_they_are_read(self, audit):
        """A snapshot is compacted and expired while its files are read: the newer one is looked at."""
        files = data_files(audit.offload.lake)
        rewrite(audit.offload.lake, lambda rows: rows)
        for file in files:
            remove(file)
        assert audit.run()["result"] == "ok"


class TestGold:
    @pytest.fixture
    def audit(self, offload, lake):
        load(offload, lake.stream.read_bytes())
        offload.run()
        return Audit(offload)

    def test_a_candle_that_its_trades_do_not_make(self, audit):
        """Both sides have it, so only computing it anew shows it."""
        table = "gold_ohlcv_5m"

        def change(rows):
            rows[7]["high_price"] += 1

        rewrite(audit.offload.lake, change, table)
        (window,) = {row["window_start"] for row in iceberg_table(audit.offload.lake, table).scan().to_arrow().to_pylist()[7:8]} or [None]
        audit.offload.store.run("ALTER TABLE ohlcv_5m UPDATE high_price = high_price + 1 WHERE 1 SETTINGS mutations_sync = 2")
        result = audit.run(tables=[table], expect=3)
        assert result["candles"]["differs"] == 1 and window
        (row,) = [line for line in audit.rows("differs") if line["of"] == "candles"]
        assert set(row["columns"]) == {"high_price"}

    def test_a_trade_that_left_clickhouse(self, audit):
        store = audit.offload.store
        (name,) = store.query(f"SELECT message_id FROM {SILVER} FINAL WHERE exchange = 'binance' AND is_valid ORDER BY source_sequence, symbol LIMIT 1 OFFSET 100")
        store.run(f"ALTER TABLE {SILVER} DELETE WHERE message_id = '{name}' SETTINGS mutations_sync = 2")
        for interval in ("1m", "1h", "1d"):
            result = audit.run(tables=[f"gold_ohlcv_{interval}"], expect=3)
            assert result["rows"]["differs"] == 0 and result["candles"]["differs"] == 1

    def test_a_later_revision_waits(self, audit):
        store = audit.offload.store
        columns = ", ".join(name for name in COLUMNS["gold_ohlcv_1m"] if name not in ("revision", "volume"))
        store.run(
            f"INSERT INTO ohlcv_1m ({columns}, volume, revision) SELECT {columns}, volume + 1, revision + 1 FROM ohlcv_1m FINAL WHERE is_final ORDER BY window_start LIMIT 3"
        )
        found = audit.run(tables=["gold_ohlcv_1m"], expect=0)
        assert found["rows"]["pending"] == 3 and found["rows"]["differs"] == 0

    def test_no_trades(self, audit):
        audit.offload.store.run(f"TRUNCATE TABLE {SILVER} SYNC")
        result = audit.run(tables=["gold_ohlcv_1h"], expect=3)
        assert result["candles"]["only_in_cold"] == result["candles"]["cold"] > 0


class TestPlaces:
    """The same where catalog and state are in PostgreSQL or behind a REST server, and the files in S3."""

    @pytest.mark.parametrize("catalog", ["postgres", "rest"])
    def test_repaired(self, store, tmp_path, places, catalog):
        offload = Offload(store, places.lake(tmp_path / "lake", catalog, "s3"))
        load(offload, trades(0, ROWS))
        offload.run("--tables", SILVER)
        audit = Audit(offload)
        assert audit.run()["result"] == "ok"

        def change(rows):
            kept = [row for row in rows if row["source_sequence"] != 77]
            return kept + [row for row in kept if row["source_sequence"] == 78]

        rewrite(offload.lake, change)
        result = audit.run(expect=3)
        assert result["rows"]["missing"] == result["rows"]["doubled"] == 1
        assert audit.run("--repair")["result"] == "ok"
        assert problems(offload, [SILVER], [PlacedPyIceberg(), PlacedDuckDB()]) == []
        with offload.lake.state() as query:
            lines = query("SELECT result, ch_row_count, iceberg_row_count FROM maintenance_audit_log ORDER BY line_id")
        assert lines == [("ok", ROWS, ROWS), ("different", ROWS, ROWS), ("different", ROWS, ROWS), ("ok", ROWS, ROWS)]


class TestMemory:
    def test_a_large_row_group(self, store, tmp_path):
        """Half a million rows in one row group; memory does not depend on how many there are."""
        table, columns = "bronze_trades_binance", COLUMNS["bronze_trades_binance"]
        offload = Offload(store, Lake(tmp_path / "lake", None))
        audit, sizes = Audit(offload), []
        for first, count in ((0, 50_000), (50_000, 450_000)):
            values = {
                "exchange_timestamp": "fromUnixTimestamp64Micro(1771408800000000 + number * 1000, 'UTC')",
                "event_time": "fromUnixTimestamp64Micro(1771408800000000 + number * 1000, 'UTC')",
                "ingestion_timestamp": "fromUnixTimestamp64Micro(1771408900000000 + number * 1000, 'UTC')",
                "sequence_number": "number", "trade_id": "toString(number)", "symbol": "'BTCUSDT'", "side": "'BUY'",
                "price": "toDecimal128(number % 1000, 12)", "quantity": "toDecimal128(1, 12)", "quote_volume": "toDecimal128(number % 1000, 18)",
                "payload": "concat('{\"x\":\"', hex(sipHash128(number)), hex(sipHash128(number + 1)), hex(sipHash128(number + 2)), '\"}')",
            }  # fmt: skip
            names = [name for name in columns if name in values]
            store.run(f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values[name] for name in names)} FROM numbers({first}, {count})")
            offload.run("--tables", table, "--max-rows", 1_000_000)
            sizes.append(audit.largest_memory(tables=[table]))
        assert sizes[1] < sizes[0] * 1.5 + 30 * 1024, sizes


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [["--days", "0"], ["--days", "1", "--full"], ["--from", "2026-02-18"], ["--from", "2026-02-18", "--to", "2026-02-17"], ["--list", "-1"], ["--may-be-empty", "x"]],
    )
    def test_wrong(self, offload, arguments):
        Audit(offload).run("--default", *arguments, expect=64)
