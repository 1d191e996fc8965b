"""`k2-load` with a warm store that works: what it brings in, what it refuses, and what it says."""

import datetime
import json
import subprocess

import pytest

from clickhouse_server import ClickHouse
from expectations import GOLD
from load_process import WARM, Load, lines, problem, spooled
from pipeline import INTERVALS, parse_record, read_ndjson, write_ndjson
from test_values import TRADES, trade
from test_warm_schema import BRONZE_EDGES, FAR, GAP_EDGES, candle
from trade_candles import FIRST, timestamp

CHECKED = [name for name in GOLD if name not in ("revision", "is_final", "has_gap")]


@pytest.fixture(scope="module")
def stream(tools, tmp_path_factory):
    """Trades, bronze, gaps and candles of three exchanges, with duplicates, disorder, holes and late trades."""
    folder = tmp_path_factory.mktemp("stream")
    recordings = [
        tools.record(
            folder / f"{exchange}.ndjson",
            exchange,
            trades=2500,
            seed=seed,
            rate=1,
            faults="duplicates,reorder,gap,late",
            extra=("--start", "2026-02-18T23:40:00Z"),
        )
        for seed, exchange in enumerate(("binance", "kraken", "coinbase"), 5)
    ]
    return tools.stream(folder / "stream.ndjson", recordings, ohlcv=("--tee", "--updates"))


def ndjson(tmp_path, records):
    return write_ndjson(tmp_path / "given.ndjson", records).read_bytes()


class TestContents:
    def test_every_row_is_the_record(self, store, stream):
        data = stream.read_bytes()
        running = store.load(data, "--tee", "--batch-rows", 1000)
        assert bytes(running.passed) == data and not running.said
        records = read_ndjson(stream)
        assert {r["kind"] for r in records} == {"trade", "bronze", "gap", "candle"}
        for table in WARM:
            found = problem(store, table, records)
            assert found is None, f"{table}: {found}"

    def test_loading_again_changes_nothing(self, store, stream):
        data = stream.read_bytes()
        sums = {table: f"SELECT count(), sum(cityHash64(* EXCEPT loaded_at)) FROM {table} FINAL" for table in WARM}
        store.load(data, "--batch-rows", 700)
        before = {table: store.query(sql) for table, sql in sums.items()}
        store.load(data, "--batch-rows", 900)
        assert {table: store.query(sql) for table, sql in sums.items()} == before

    def test_the_same_batches_again_are_known_by_their_tokens(self, store):
        """Even without FINAL there is nothing twice."""
        for _ in range(2):
            store.load(lines(0, 5000), "--batch-rows", 1000, "--batch-age", "1m")
        store.holds(0, 5000)

    @pytest.mark.parametrize(
        "table, records",
        [
            ("silver_trades", [{"kind": "trade"} | t for t in TRADES if t["trade_id"] != FAR]),
            ("bronze_trades_kraken", [{"kind": "bronze", "exchange": "kraken"} | r for r in BRONZE_EDGES]),
            ("feed_gaps", [{"kind": "gap"} | r for r in GAP_EDGES]),
            ("ohlcv_1d", [{"kind": "candle"} | candle(2**31 - 1, True, 2**63 - 1, interval="1d"), {"kind": "candle"} | candle(0, False, 1, interval="1d", window_start="1969-12-31T00:00:00.000000Z", first_sequence=2**63 - 1, last_sequence=0)]),
        ],
        ids=["silver", "bronze", "gaps", "gold"],
    )  # fmt: skip
    def test_values_at_the_edges(self, store, tmp_path, table, records):
        records = [spelled(r) for r in records]
        store.load(ndjson(tmp_path, records))
        found = problem(store, table, records)
        assert found is None, found

    def test_a_time_that_the_store_cannot_hold(self, store, tmp_path):
        """ClickHouse's times end with the year 2299: such a row is a dead letter or right, never another time."""
        letters = tmp_path / "letters"
        given = ndjson(tmp_path, [trade(1), trade(2, timestamp="9999-12-31T23:59:59.999999Z"), trade(3, timestamp="1899-12-31T00:00:00.000000Z")])
        store.load(given, "--dead-letter", letters)
        found = {
            int(row.split("\t")[0]): int(row.split("\t")[1])
            for row in store.query("SELECT source_sequence, toUnixTimestamp64Micro(timestamp) FROM silver_trades FINAL")
        }
        kept = {json.loads(json.loads(line)["input"])["source_sequence"] for line in letters.read_text().splitlines()} if letters.exists() else set()
        right = {2: 253402300799999999, 3: -2209075200000000}
        for number, time in right.items():
            assert number in kept or found.get(number) == time, (found, kept)

    def test_exact_digits(self, store, tmp_path):
        widest = "99999999999999999999999999.999999999999"
        store.load(ndjson(tmp_path, [trade(1, price=widest, quantity="0.000000000001", quote_volume="0.000000000000000001")]))
        assert store.query("SELECT toString(price), toString(quantity), toString(quote_volume) FROM silver_trades") == [
            f"{widest}\t0.000000000001\t0.000000000000000001"
        ]

    def test_many_partitions(self, store, tmp_path):
        """More than one insert may touch; trades by day, candles by month."""
        days = [timestamp(FIRST + day * 86_400_000_000) for day in range(450)]
        trades = [trade(n, timestamp=time) for n, time in enumerate(days * 2)]
        months = [f"{2000 + n // 12}-{n % 12 + 1:02}-01T00:00:00.000000Z" for n in range(240)]
        candles = [{"kind": "candle"} | candle(0, True, n, window_start=month) for n, month in enumerate(months)]
        store.load(ndjson(tmp_path, [*trades, {"kind": "trade"}, *candles]), "--dead-letter", tmp_path / "letters")
        assert store.count(final=False) == len(trades) and store.count("ohlcv_1m", final=False) == len(months)
        assert len((tmp_path / "letters").read_text().splitlines()) == 1

    def test_kcat(self, store, tmp_path):
        bronze = {"kind": "bronze", "exchange": "binance"} | {k: v for k, v in BRONZE_EDGES[0].items() if not k.startswith("kafka")} | {"payload": {"p": 1}}
        line = json.dumps(bronze, separators=(",", ":"))
        plain = lines(7, 1).decode()
        running = store.load(f"3 41 {line}\n0 0 {plain}".encode(), "--kcat", "--tee")
        assert running.passed.decode() == f"{line}\n{plain}"
        assert store.query("SELECT kafka_partition, kafka_offset, payload FROM bronze_trades_binance") == ['3\t41\t{"p":1}']
        store.holds(7, 1)

    def test_other_kinds_are_passed_on_only(self, store):
        data = b'{"kind":"raw","exchange":"binance"}\n{"kind":"weather"}\n' + lines(0, 1)
        running = store.load(data, "--tee", "--stats")
        assert bytes(running.passed) == data and "skipped 2; rejected 0" in running.said
        store.holds(0, 1)


def spelled(record):
    """Members in the order of the record format, and a payload as JSON text."""
    return {"kind": record["kind"]} | {name: value for name, value in record.items() if name != "kind"}


class TestCandles:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("exchange", ["binance", "kraken", "coinbase"])
    def test_are_what_the_store_computes_itself(self, tools, store, tmp_path, exchange, seed):
        recording = tools.record(
            tmp_path / "r.ndjson", exchange, trades=6000, seed=100 + seed, rate=1, faults="duplicates,reorder,gap,late",
            extra=("--start", "2026-02-18T22:50:00Z"),
        )  # fmt: skip
        store.load(tools.stream(tmp_path / "stream.ndjson", [recording]).read_bytes(), "--batch-rows", 1500)
        columns = ", ".join(CHECKED)
        for interval in INTERVALS:
            stored = f"SELECT {columns} FROM ohlcv_{interval} FINAL WHERE is_final"
            assert store.number(f"SELECT count() FROM ohlcv_{interval} FINAL WHERE is_final") > 0
            assert store.query(f"SELECT * FROM ohlcv_{interval}_check EXCEPT {stored}") == []
            assert store.query(f"{stored} EXCEPT SELECT * FROM ohlcv_{interval}_check") == []
            assert store.query(f"SELECT * FROM ohlcv_{interval}_diff") == []

    def test_through_two_loads_in_one_pipeline(self, tools, store, tmp_path):
        """As it is meant to run: each load has a spool of its own without being told."""
        recording = tools.record(tmp_path / "r.ndjson", "binance", trades=3000, seed=9, rate=2, faults="late,duplicates")
        load = tools.path("k2-load")
        command = f"{tools.path('k2-feed')} replay {recording} | {tools.path('k2-normalize')} --bronze | {load} --tee | {tools.path('k2-ohlcv')} | {load}"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=store.environment(), capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert sorted(p.name for p in (tmp_path / "k2" / "load").iterdir()) == ["0", "1"]
        assert store.count("bronze_trades_binance") == store.count() == 3000
        assert store.query("SELECT * FROM ohlcv_1m_diff") == [] and store.count("ohlcv_1m") > 100


class TestRejected:
    BAD = [b"", b"{", b"[1]", b'{"kind":"trade"}', b'{"no":"kind"}', b"\xff\xfe", lines(1, 1).strip().replace(b'"76745.18000000"', b'"1x5"')]

    def test_dead_letters_keep_line_number_and_reason(self, store, tmp_path):
        letters = tmp_path / "letters"
        data = b"".join(line + b"\n" + lines(10 + n, 1) for n, line in enumerate(self.BAD))
        running = store.load(data, "--dead-letter", letters, "--tee")
        assert bytes(running.passed) == data
        store.holds(10, len(self.BAD))
        found = [json.loads(line) for line in letters.read_text().splitlines()]
        assert [letter["line"] for letter in found] == list(range(1, 2 * len(self.BAD), 2))
        assert all(letter["reason"] for letter in found)

    def test_without_a_file_the_status_says_so(self, store):
        running = store.load(lines(0, 10) + b"{}\n" * 30 + lines(10, 10), expect=65)
        assert running.said.count("stdin:") == 11 and "30 records were rejected" in running.said and "hint: --dead-letter" in running.said
        store.holds(0, 20)

    def test_strict(self, store):
        running = store.load(lines(0, 10) + b"{}\n" + lines(10, 10), "--strict", expect=65)
        assert len(running.said.splitlines()) == 1 and "stdin:11: " in running.said
        store.holds(0, 10)

    def test_a_last_line_without_its_end_is_never_a_row(self, store):
        running = store.load(lines(0, 10)[:-1], expect=65)
        assert "truncated" in running.said
        store.holds(0, 9)

    @pytest.mark.parametrize("price", ["100000000000000000000000000", "0.0000000000001"])
    def test_a_value_that_does_not_fit_is_refused_not_rounded(self, store, tmp_path, price):
        store.load(ndjson(tmp_path, [trade(1), trade(2, price=price), trade(3)]), expect=65)
        assert store.query("SELECT source_sequence FROM silver_trades ORDER BY 1") == ["1", "3"]


class TestRefusedByTheStore:
    def test_rows_are_found_in_a_big_batch(self, store, tmp_path):
        """A constraint refuses a few of many rows: they stand alone in the end, the others go on."""
        store.run("ALTER TABLE silver_trades ADD CONSTRAINT odd CHECK source_sequence % 7001 != 11")
        letters = tmp_path / "letters"
        running = store.load(lines(0, 50_000), "--dead-letter", letters, "--stats")
        refused = [n for n in range(50_000) if n % 7001 == 11]
        assert f"refused by ClickHouse {len(refused)};" in running.said and f"inserted {50_000 - len(refused)} rows" in running.said
        found = [json.loads(line) for line in letters.read_text().splitlines()]
        assert sorted(json.loads(letter["input"])["source_sequence"] for letter in found) == refused
        assert all("469" in letter["reason"] or "constraint" in letter["reason"].lower() for letter in found)
        assert store.number("SELECT count() FROM silver_trades") == 50_000 - len(refused)

    @pytest.mark.parametrize("first", [0, 777])
    def test_many_beside_each_other(self, store, tmp_path, first):
        """They do not look like a table that refuses everything."""
        store.run(f"ALTER TABLE silver_trades ADD CONSTRAINT odd CHECK source_sequence < {first} OR source_sequence >= {first + 600}")
        letters = tmp_path / "letters"
        store.load(lines(0, 20_000), "--dead-letter", letters)
        assert len(letters.read_text().splitlines()) == 600 and store.count() == 19_400

    def test_a_dead_letter_can_be_loaded(self, store, tmp_path):
        """It is the record, in the record's own form, so that it can be given again."""
        rows = [t for t in TRADES if t["trade_id"] not in (FAR, "BINANCE-5")]
        store.run("ALTER TABLE silver_trades ADD CONSTRAINT odd CHECK source_sequence = 999 OR exchange = 'none'")
        given, letters = ndjson(tmp_path, [*rows, trade(999)]), tmp_path / "letters"
        store.load(given, "--dead-letter", letters)
        inputs = [json.loads(line)["input"] for line in letters.read_text().splitlines()]
        assert len(inputs) == len(rows)
        store.run("ALTER TABLE silver_trades DROP CONSTRAINT odd")
        store.load("".join(text + "\n" for text in inputs).encode())
        assert problem(store, "silver_trades", [parse_record(line) for line in given.decode().splitlines()]) is None

    def test_without_a_file_the_status_says_so(self, store):
        store.run("ALTER TABLE silver_trades ADD CONSTRAINT odd CHECK source_sequence != 5")
        running = store.load(lines(0, 10), expect=65)
        assert "BINANCE-5" in running.said
        assert store.count() == 9

    @pytest.mark.parametrize("rows", [20_000, 50], ids=["large batches", "small batches"])
    def test_all_of_them(self, store, tmp_path, rows):
        """Then it is not the rows: one line, and everything waits."""
        store.run("ALTER TABLE silver_trades ADD CONSTRAINT never CHECK exchange = 'none'")
        letters, spool = tmp_path / "letters", tmp_path / "spool"
        with store.start("--dead-letter", letters, "--spool", spool, "--batch-rows", rows, "--batch-age", "1m") as running:
            running.give_aside(lines(0, 20_000), close=True)
            status = running.wait(20)
            assert status == 69, running.said
            assert "refused" in running.said and "spool" in running.said and len(running.said.splitlines()) <= 2
        assert not letters.exists() or len(letters.read_text().splitlines()) < 300
        store.run("ALTER TABLE silver_trades DROP CONSTRAINT never")
        store.load(lines(0, 20_000), "--spool", spool, "--dead-letter", letters)
        assert store.count() == 20_000

    def test_other_tables_go_on(self, store, tmp_path, stream):
        store.run("ALTER TABLE bronze_trades_kraken ADD CONSTRAINT odd CHECK cityHash64(trade_id) % 300 != 0")
        letters = tmp_path / "letters"
        store.load(stream.read_bytes(), "--dead-letter", letters)
        records = read_ndjson(stream)
        for table in WARM.keys() - {"bronze_trades_kraken"}:
            assert problem(store, table, records) is None, table
        refused = {json.loads(json.loads(line)["input"])["trade_id"] for line in letters.read_text().splitlines()}
        kept = {row["trade_id"] for row in store.rows("bronze_trades_kraken")}
        given = {r["trade_id"] for r in records if r["kind"] == "bronze" and r["exchange"] == "kraken"}
        assert refused and kept | refused == given and not kept & refused


class TestTimeToLive:
    def test_expired_rows_are_counted_and_said(self, tools, server, bare_store):
        bare_store.init()
        old = lines(0, 2000, time="2024-02-18T00:00:00.000000Z")
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        running = bare_store.load(old + lines(2000, 500, time=now), "--stats", "--batch-rows", 600)
        assert "expired 2000;" in running.said
        told = [line for line in running.said.splitlines() if "older than the table keeps" in line]
        assert len(told) == 1 and "silver_trades" in told[0]
        bare_store.holds(2000, 500)

    def test_none_keeps_them(self, store):
        running = store.load(lines(0, 100, time="2024-02-18T00:00:00.000000Z"), "--stats")
        assert "expired 0;" in running.said
        store.holds(0, 100)


class TestInit:
    def test_twice(self, bare_store):
        assert "version 1" in bare_store.init()
        tables = bare_store.query("SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name")
        assert "up to date" in bare_store.init()
        assert bare_store.query("SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name") == tables

    def test_ttl(self, bare_store):
        bare_store.init("--ttl", "none")
        assert bare_store.query("SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine_full LIKE '% TTL %'") == ["0"]

    def test_is_what_schema_prints(self, tools, bare_store):
        bare_store.init()
        names = set(bare_store.query("SELECT name FROM system.tables WHERE database = currentDatabase()"))
        text = subprocess.run([tools.path("k2-load"), "schema", "--database", bare_store.database], capture_output=True, text=True, check=True).stdout
        assert all(f"`{name}`" in text for name in names) and len(names) == 24

    def test_a_newer_schema_is_left_alone(self, tools, bare_store):
        bare_store.init()
        bare_store.run("INSERT INTO schema_version (version, description) VALUES (99, 'later')")
        done = subprocess.run([tools.path("k2-load"), "init"], env=bare_store.environment(), capture_output=True, text=True)
        assert done.returncode == 69 and "99" in done.stderr and len(done.stderr.splitlines()) == 1

    def test_without_a_server(self, tools, bare_store):
        done = subprocess.run([tools.path("k2-load"), "init"], env=bare_store.environment(port=1), capture_output=True, text=True)
        assert done.returncode == 75 and len(done.stderr.splitlines()) == 1


class TestRefusedForGood:
    def test_no_tables_yet(self, bare_store, tmp_path):
        spool = tmp_path / "spool"
        running = bare_store.load(lines(0, 1000), "--spool", spool, "--batch-rows", 300, expect=69)
        said = running.said.splitlines()
        assert len(said) == 2 and "hint: k2-load init" in said[1] and "81" in said[0] and "spool" in said[0]
        bare_store.init("--ttl", "none")
        bare_store.load(b"", "--spool", spool)
        assert bare_store.count() == bare_store.count(final=False) > 0
        bare_store.load(lines(0, 1000), "--spool", spool)
        assert bare_store.count() == 1000

    def test_everything_read_is_in_the_spool(self, bare_store, tmp_path):
        """With a slow input, so that all of it was read before the answer came."""
        spool = tmp_path / "spool"
        bare_store.init("--ttl", "none")
        bare_store.run("DROP TABLE silver_trades")
        with bare_store.start("--spool", spool, "--tee", "--batch-age", "300ms") as running:
            running.give(lines(0, 500))
            assert running.wait(10) == 69
            assert "code 60" in running.said and "hint: k2-load init" in running.said
            passed = bytes(running.passed)
        assert passed == lines(0, 500)
        bare_store.run(f"DROP DATABASE {bare_store.database}")
        bare_store.init("--ttl", "none")
        bare_store.load(b"", "--spool", spool)
        bare_store.holds(0, 500)

    def test_wrong_password(self, tools, locked_server, store, tmp_path):
        secret = "s3cr3t&/ü"
        environment = store.environment(port=locked_server.port) | {"K2_CLICKHOUSE_USER": "loader", "K2_CLICKHOUSE_PASSWORD": secret}
        with Load(tools, environment, "--spool", tmp_path / "spool") as running:
            running.give(lines(0, 100))
            assert running.end() == 69
            assert len(running.said.splitlines()) <= 2 and secret not in running.said and "spool" in running.said
        assert spooled(tmp_path / "spool") > 0
        good = environment | {"K2_CLICKHOUSE_PASSWORD": "right/&:@"}
        subprocess.run([tools.path("k2-load"), "init", "--ttl", "none"], env=good, check=True, capture_output=True)
        with Load(tools, good, "--spool", tmp_path / "spool") as running:
            assert running.end() == 0, running.said

    @pytest.mark.parametrize("form", ["url", "file"])
    def test_where_the_password_may_come_from(self, tools, locked_server, store, tmp_path, form):
        environment = store.environment()
        if form == "url":
            environment["K2_CLICKHOUSE_URL"] = f"http://loader:right%2F%26%3A%40@127.0.0.1:{locked_server.port}/{form}"
        else:
            (tmp_path / "secret").write_text("right/&:@\n")
            environment |= {
                "K2_CLICKHOUSE_URL": f"http://loader@127.0.0.1:{locked_server.port}/{form}",
                "K2_CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "secret"),
            }
        for verb in (["init"], ["run"]):
            done = subprocess.run([tools.path("k2-load"), *verb], env=environment, input="", capture_output=True, text=True)
            assert done.returncode == 0, done.stderr

    def test_a_password_on_the_command_line(self, tools, store):
        done = subprocess.run(
            [tools.path("k2-load"), "--clickhouse-url", "http://u:secret9@h/k2"],
            env=store.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 64 and "secret9" not in done.stderr

    @pytest.mark.parametrize(
        "url",
        ["http://u:se/cret9@h/k2", "http://u:12/cret9@h/k2", "http://u:se?cret9@h/k2", "http://u:se,cret9@h/k2", "http://u:cret9@h:bad/k2", "u:cret9://h", "http://u:cret9@/k2", "http://u:secret@h,http://v:cret9@i"],
    )  # fmt: skip
    def test_a_url_that_is_wrong_is_not_shown(self, tools, store, url):
        """What looks like a part of the host may be one of the password."""
        done = subprocess.run(
            [tools.path("k2-load")], env=store.environment() | {"K2_CLICKHOUSE_URL": url}, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 64 and "cret9" not in done.stderr and '"se"' not in done.stderr, done.stderr


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [["--batch-rows", "0"], ["--batch-size", "1"], ["--batch-age", "0s"], ["--timeout", "x"], ["--spool-limit", "1k"], ["--what"], ["--dead-letter"], ["load"]],
    )  # fmt: skip
    def test_wrong(self, tools, store, arguments):
        done = subprocess.run([tools.path("k2-load"), *arguments], env=store.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 64 and done.stdout == ""

    def test_nothing_at_all(self, store):
        assert store.load(b"").said == ""


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key -out cert"
    subprocess.run(make.split(), cwd=folder, check=True, capture_output=True)
    with ClickHouse(folder / "server", "--tls-cert", str(folder / "cert"), "--tls-key", str(folder / "key")) as server:
        yield folder, server


class TestTLS:
    def environment(self, store, server, host="localhost", **changes):
        return store.environment() | {"K2_CLICKHOUSE_URL": f"https://{host}:{server.port}/tls"} | changes

    def test_with_its_own_authority(self, tools, store, secure, tmp_path):
        folder, server = secure
        environment = self.environment(store, server, SSL_CERT_FILE=str(folder / "cert"))
        subprocess.run([tools.path("k2-load"), "init", "--ttl", "none"], env=environment, check=True, capture_output=True)
        with Load(tools, environment, "--spool", tmp_path / "spool") as running:
            running.give(lines(0, 100))
            assert running.end() == 0, running.said

    def test_a_certificate_that_is_not_trusted(self, tools, store, secure, tmp_path):
        _, server = secure
        with Load(tools, self.environment(store, server), "--spool", tmp_path / "spool", "--drain", "1s") as running:
            running.give(lines(0, 100))
            assert running.end() == 69, running.said
            assert "certificate" in running.said.lower() and len(running.said.splitlines()) <= 2
        assert spooled(tmp_path / "spool") > 0
