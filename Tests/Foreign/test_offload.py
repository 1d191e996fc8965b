"""`k2-offload run` from ClickHouse into a lake on local disk: the lake equals ClickHouse, whatever happens on the way."""

import contextlib
import json
import os
import pty
import random
import subprocess
import threading
import time

import pytest

from expectations import COLUMNS
from load_process import lines
from load_proxy import Fault, Proxy, exception
from offload_process import Offload, problems
from offload_slices import candle
from pipeline import Lake
from readers import DuckDB

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
SILVER = ["silver_trades"]


@pytest.fixture
def offload(store, tmp_path):
    return Offload(store, Lake(tmp_path / "lake", None))


def load(offload, data, *arguments):
    offload.store.load(data, "--spool", offload.lake.folder.parent / "spool", *arguments)


class TestContents:
    def test_eleven_tables(self, offload, lake):
        """Duplicates, disorder, gaps and late trades of three exchanges."""
        load(offload, lake.stream.read_bytes())
        said = offload.run()
        assert problems(offload) == []
        assert len([line for line in said.splitlines() if "rows added" in line]) == len(COLUMNS)
        said = offload.run()
        assert "rows added" not in said and len(said.splitlines()) == len(COLUMNS)
        assert problems(offload, readers=offload_readers()) == []
        load(offload, lake.stream.read_bytes())
        assert "rows added" not in offload.run("--lookback", "1h")

    def test_small_batches(self, offload, lake):
        load(offload, lake.stream.read_bytes(), "--batch-rows", 700)
        offload.run("--max-rows", 1000, "--jobs", 4)
        assert problems(offload) == []

    def test_rows_that_came_late(self, offload):
        load(offload, lines(0, 500))
        offload.run()
        load(offload, lines(1000, 50))
        offload.store.run(
            "ALTER TABLE silver_trades UPDATE loaded_at = loaded_at - INTERVAL 100 SECOND WHERE source_sequence >= 1000 SETTINGS mutations_sync = 2"
        )
        said = offload.run("--tables", "silver_trades")
        assert "50 rows added, 50 of them late" in said
        assert problems(offload, SILVER) == []

    def test_columns_that_only_clickhouse_has(self, offload):
        load(offload, lines(0, 100))
        offload.store.run("ALTER TABLE silver_trades ADD COLUMN mood String DEFAULT 'good', ADD COLUMN `odd name` Int8")
        assert "silver_trades: not taken along, only ClickHouse has columns mood, odd name" in offload.run(*only(SILVER))
        assert problems(offload, SILVER) == []

    def test_a_column_that_the_lake_lacks_is_added(self, offload, lake):
        """As when the definition has got one: the table as a version before made it, rows from then and from now."""
        data = [line for line in lake.stream.read_bytes().splitlines(keepends=True) if b'"kind":"bronze"' in line and b'"exchange":"kraken"' in line]
        load(offload, b"".join(data[: len(data) // 2]))
        table = ["bronze_trades_kraken"]
        offload.run(*only(table))
        iceberg = offload_readers()[0].table(offload.lake, *table)
        with iceberg.update_schema() as change:
            change.delete_column("kafka_offset")
            change.delete_column("event_time")
        load(offload, b"".join(data[len(data) // 2 :]))
        said = offload.run(*only(table))
        assert f"{len(data) - len(data) // 2} rows added" in said, said
        fields = {field.name: field.field_id for field in offload_readers()[0].table(offload.lake, *table).schema().fields}
        assert fields["kafka_offset"] > iceberg.metadata.last_column_id and fields["event_time"] > iceberg.metadata.last_column_id
        # The values of the column that was deleted are gone with it.
        rows = offload_readers()[0].rows(offload.lake, *table)
        assert len(rows) == len(data) and {row["kafka_offset"] for row in rows} == {None}
        assert sum(row["event_time"] is not None for row in rows) <= len(data) - len(data) // 2

    def test_wide_rows(self, offload):
        """Payloads of half a megabyte: a batch has as many rows as there is room for."""
        count, width = 1_500, 500_000
        names = "exchange_timestamp, sequence_number, trade_id, symbol, price, quantity, quote_volume, side, ingestion_timestamp, payload"
        time = "toDateTime64('2026-02-18 00:00:00', 6, 'UTC')"
        values = f"{time}, number, concat('KRAKEN-', toString(number)), 'BTCUSD', 1, 1, 1, 'BUY', {time}, substring(repeat(toString(number), {width}), 1, {width})"
        offload.store.run(f"INSERT INTO bronze_trades_kraken ({names}) SELECT {values} FROM numbers(1, {count}) SETTINGS max_block_size = 50")
        said, memory = offload.measured("--tables", "bronze_trades_kraken")
        assert f"{count} rows added" in said
        assert memory < 512_000, f"{memory} KiB"
        reader = DuckDB()
        (found,) = reader.connect().execute(
            f"SELECT count(), count(DISTINCT sequence_number), sum(length(payload)) FROM {reader.source(offload.lake, 'bronze_trades_kraken')}"
        ).fetchall()
        assert found == (count, count, count * width)
        assert len(offload_readers()[0].table(offload.lake, "bronze_trades_kraken").snapshots()) > 3

    def test_progress_on_a_terminal(self, offload):
        load(offload, lines(0, 2_000))
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [offload.store.tools.path("k2-offload"), "run", *only(SILVER), "--safety-lag", "0s"], env=offload.environment, stdin=subprocess.DEVNULL, stderr=theirs
        )
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                said += piece
        os.close(ours)
        assert process.wait(60) == 0
        assert b"\rsilver_trades " in said and b" rows, " in said and b"2000 rows added" in said
        assert said.rstrip().endswith(b"Z")

    def test_without_the_state_store(self, offload):
        """The lake knows what it has."""
        load(offload, lines(0, 500))
        offload.run(*only(SILVER))
        load(offload, lines(400, 300))
        said = offload.run(*only(SILVER), K2_STATE=f"sqlite:{offload.lake.folder}/other.db")
        assert "did not know what this table holds" in said and "200 rows added" in said
        assert problems(offload, SILVER) == []

    def test_backfill(self, offload, lake):
        load(offload, lake.stream.read_bytes())
        offload.run()
        from readers import PyIceberg

        PyIceberg().table(offload.lake, "silver_trades").delete("symbol == 'BTCUSDT'")
        assert problems(offload, SILVER)
        assert "rows added" not in offload.run()
        offload.run("--from", "2026-02-18", "--to", "2026-02-26", verb="backfill")
        assert problems(offload) == []


def offload_readers():
    from readers import PyIceberg

    return [PyIceberg()]


def only(tables):
    return ["--tables", ",".join(tables)]


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [["--from", "kafka"], ["--tables", "x"], ["--jobs", "0"], ["--max-rows", "1"], ["--safety-lag", "x"], ["--retries", "-1"], ["--target-file-size", "1"]],
    )
    def test_wrong(self, offload, arguments):
        offload.run(*arguments, expect=64)

    def test_no_tables_in_clickhouse(self, bare_store, tmp_path):
        offload = Offload(bare_store, Lake(tmp_path / "lake", None))
        bare_store.server.rows(f"CREATE DATABASE {bare_store.database}")
        assert "k2-load init" in offload.run(expect=64)

    def test_status(self, offload):
        load(offload, lines(0, 500))
        offload.run()
        status = offload.status()
        assert status["silver_trades"]["rows"] == 500 and status["silver_trades"]["watermark"]
        assert status["silver_trades"]["open_intents"] == 0 and status["silver_trades"]["failures"] == 0
        assert offload.run(verb="status")

    def test_two_at_once(self, offload):
        load(offload, lines(0, 5000))
        with Proxy(offload.store.server) as proxy:
            proxy.choose = lambda request: Fault(before=lambda: time.sleep(0.5))
            first = Offload(offload.store, offload.lake, port=proxy.port).start("--safety-lag", "0s", *only(SILVER))
            time.sleep(1)
            assert "lease is held" in offload.run(*only(SILVER), expect=75)
            assert first.wait(60) == 0, first.stderr.read()
        assert problems(offload, SILVER) == []


class TestFaults:
    def test_clickhouse_is_away_for_a_while(self, offload):
        load(offload, lines(0, 500))
        with Proxy(offload.store.server) as proxy:
            left = [Fault(reset="before"), Fault(answer=(503, {}, b"")), Fault(half=True), Fault(answer=exception(241))]
            proxy.choose = lambda request: left.pop(0) if left else None
            Offload(offload.store, offload.lake, port=proxy.port).run(*only(SILVER), "--retries", 5)
        assert problems(offload, SILVER) == []

    def test_clickhouse_stays_away(self, offload):
        gone = Offload(offload.store, offload.lake, port=1)
        assert "not done" in gone.run(*only(SILVER), "--retries", 1, expect=75)

    def test_clickhouse_refuses(self, offload):
        with Proxy(offload.store.server) as proxy:
            proxy.choose = lambda request: Fault(answer=exception(516))
            said = Offload(offload.store, offload.lake, port=proxy.port).run(*only(SILVER), expect=69)
            assert "code 516" in said and len(proxy.requests) == 1

    def test_one_table_fails_and_the_others_do_not_care(self, offload, lake):
        load(offload, lake.stream.read_bytes())
        offload.store.run("ALTER TABLE ohlcv_5m DROP COLUMN has_gap")
        said = offload.run(expect=64)
        assert "has_gap" in said and "ohlcv_5m" in said and said.count("rows added") == len(COLUMNS) - 1

    RUNS = int(os.environ.get("K2_FAULT_RUNS", "25"))

    def test_killed_anywhere(self, offload):
        """Each kill is followed by a whole run sooner or later: no row is lost, none is doubled."""
        source = random.Random(SEED)
        first = 0
        for number in range(self.RUNS):
            count = source.randrange(50, 3000)
            load(offload, lines(first, count), "--batch-rows", source.choice([200, 1000]))
            first += count
            offload.kill_after(source.uniform(0, 0.25), "--max-rows", 1000, *only(SILVER))
            if source.random() < 0.3:
                offload.run(*only(SILVER), "--max-rows", 1000)
                assert problems(offload, SILVER, offload_readers()) == [], f"seed {SEED}, run {number}"
        offload.run()
        assert problems(offload, SILVER) == [], f"seed {SEED}"
        assert offload.status()["silver_trades"]["open_intents"] == 0


class TestOtherWriters:
    ROWS, APPENDS, FIRST = 5, 6, 1_000_000

    def append(self, offload, failures):
        """As a program of somebody else would: again on a fresh table when it was too slow."""
        import pyarrow
        from pyiceberg.exceptions import CommitFailedException

        for number in range(self.APPENDS):
            first = self.FIRST + number * self.ROWS
            for _ in range(50):
                table = offload_readers()[0].table(offload.lake, "silver_trades")
                rows = table.scan(limit=self.ROWS).to_arrow()
                ids = pyarrow.array(range(first, first + rows.num_rows), pyarrow.int64())
                rows = rows.set_column(rows.schema.get_field_index("source_sequence"), "source_sequence", ids)
                try:
                    table.append(rows)
                    break
                except CommitFailedException:
                    failures.append(number)

    def test_pyiceberg_appends_meanwhile(self, offload):
        load(offload, lines(0, 100))
        offload.run(*only(SILVER))
        load(offload, lines(100, 12_000), "--batch-rows", 500)
        failures = []
        writer = threading.Thread(target=self.append, args=(offload, failures))
        writer.start()
        said = offload.run(*only(SILVER), "--max-rows", 1000)
        writer.join(60)
        assert "12000 rows added" in said
        rows = offload_readers()[0].rows(offload.lake, "silver_trades")
        numbers = sorted(row["source_sequence"] for row in rows)
        assert numbers == [*range(12_100), *range(self.FIRST, self.FIRST + self.APPENDS * self.ROWS)]

    def test_compaction_runs_meanwhile(self, offload):
        """Files are laid together while batches come; candles are replaced in files that are about to go."""
        tables = ["silver_trades", "gold_ohlcv_1m"]
        load(offload, lines(0, 200))
        insert_candles(offload.store, 0)
        offload.run(*only(tables))
        ended, said = threading.Event(), []

        def compact():
            while not ended.is_set():
                command = [offload.store.tools.path("k2-maintain"), "compact", *only(tables), "--min-input-files", "2"]
                done = subprocess.run(command, env=offload.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
                said.append((done.returncode, done.stdout + done.stderr))

        compacting = threading.Thread(target=compact)
        compacting.start()
        try:
            for number in range(1, 9):
                load(offload, lines(number * 1_000, 700), "--batch-rows", 500)
                insert_candles(offload.store, number)
                offload.run(*only(tables), "--max-rows", 1000)
        finally:
            ended.set()
            compacting.join(180)
        # Done, or again later: somebody was faster too often.
        assert {status for status, _ in said} <= {0, 75}, said
        for table in tables:
            kinds = [snapshot.summary.operation.value for snapshot in offload_readers()[0].table(offload.lake, table).snapshots()]
            assert "replace" in kinds, said
        offload.run(*only(tables))
        assert problems(offload, tables) == []


def insert_candles(store, number):
    """New candles, and every other time a later revision of each one that is there."""
    rows = [candle(n, number - n // 4) for n in range(0 if number % 2 else 4 * number, 4 * number + 4)]
    body = "\n".join(map(json.dumps, rows)).encode()
    settings = {"database": store.database, "date_time_input_format": "best_effort", "max_partitions_per_insert_block": 0}
    answer = store.server.query("INSERT INTO ohlcv_1m FORMAT JSONEachRow", body, **settings)
    assert answer.status == 200, answer.text
