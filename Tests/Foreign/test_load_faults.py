"""`k2-load` while the network, the server, the disk or itself fails: no row is lost, none counts twice."""

import contextlib
import os
import random
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from clickhouse_server import ClickHouse
from load_process import Load, Store, lines, spooled, wide_lines
from load_proxy import Fault, Proxy, exception, reset

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
RUNS = int(os.environ.get("K2_FAULT_RUNS", "100"))
AWAY = 1  # a port where nobody listens
RETRIABLE = [159, 160, 201, 202, 203, 209, 210, 216, 236, 241, 242, 243, 252, 279, 285, 286, 319, 394, 425, 439, 473, 499, 999]
FATAL = [16, 36, 60, 62, 81, 164, 192, 193, 194, 497, 516]
OF_ROWS = [27, 38, 117, 321, 395, 407, 469]


@pytest.fixture
def proxy(server):
    with Proxy(server) as running:
        yield running


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


class TestReplies:
    """One insert of several goes wrong; the same batch comes again, and its token makes it nothing if it was there already."""

    FAULTS = {
        "reset before": Fault(reset="before"),
        "reset after": Fault(reset="after"),
        "half a reply": Fault(half=True),
        "502": Fault(answer=(502, {}, b"<html>bad gateway</html>")),
        "503": Fault(answer=(503, {"Retry-After": "1"}, b"")),
        "504": Fault(answer=(504, {}, b"late")),
        "429": Fault(answer=(429, {}, b"")),
        "408": Fault(answer=(408, {}, b"")),
    }

    @pytest.mark.parametrize("name", FAULTS)
    def test_once(self, store, proxy, spool, name):
        left = proxy.fail_inserts(Fault(), self.FAULTS[name], Fault(), self.FAULTS[name], self.FAULTS[name])
        running = store.load(lines(0, 4000), "--spool", spool, "--batch-rows", 1000, "--batch-age", "1m", port=proxy.port)
        assert not left
        # A connection that is reset when it is used again is tried once more without a word.
        assert running.said.count("trying again") == 2 or name.startswith("reset")
        store.holds(0, 4000)
        assert len(proxy.inserts) == 7 and len({request.token for request in proxy.inserts}) == 4
        assert spooled(spool) == 0

    @pytest.mark.parametrize("code", RETRIABLE)
    def test_a_code_that_passes(self, store, proxy, spool, code):
        proxy.fail_inserts(Fault(answer=exception(code)))
        running = store.load(lines(0, 500), "--spool", spool, port=proxy.port)
        assert f"code {code}" in running.said and "query" in running.said
        store.holds(0, 500)

    @pytest.mark.parametrize("code", FATAL)
    def test_a_code_that_stays(self, store, proxy, spool, code):
        proxy.fail_inserts(*[Fault(answer=exception(code))] * 3)
        running = store.load(lines(0, 500), "--spool", spool, "--batch-rows", 100, port=proxy.port, expect=69)
        assert f"code {code}" in running.said and len(proxy.inserts) == 1
        assert sum("hint:" not in line for line in running.said.splitlines()) == 1
        store.load(b"", "--spool", spool)
        store.load(lines(0, 500), "--spool", spool, "--batch-rows", 100)
        store.holds(0, 500, repeats=500)

    @pytest.mark.parametrize("code", OF_ROWS)
    def test_a_code_of_the_rows(self, store, proxy, spool, code, tmp_path):
        """Said of the whole batch, and of no part of it: nothing is a dead letter."""
        proxy.fail_inserts(Fault(answer=exception(code)))
        store.load(lines(0, 500), "--spool", spool, "--dead-letter", tmp_path / "letters", port=proxy.port)
        assert not (tmp_path / "letters").exists() or not (tmp_path / "letters").read_bytes()
        store.holds(0, 500)

    def test_the_reply_to_a_part_is_lost(self, store, proxy, spool, tmp_path):
        """Also while a refused row is looked for."""
        store.run("ALTER TABLE silver_trades ADD CONSTRAINT odd CHECK source_sequence != 300")
        source = random.Random(SEED)
        proxy.choose = lambda request: Fault(reset=source.choice(["before", "after", None, None, None, None])) if request.is_insert else None
        letters = tmp_path / "letters"
        store.load(lines(0, 1000), "--spool", spool, "--dead-letter", letters, port=proxy.port, seconds=90)
        assert len(letters.read_text().splitlines()) == 1
        assert store.query("SELECT count(), uniqExact(trade_id) FROM silver_trades") == ["999\t999"]

    def test_an_unknown_code_of_one_batch(self, store, proxy, spool, tmp_path):
        """In the end it is taken for one of the rows; that of the row alone is kept, the others go on."""
        store.run("ALTER TABLE silver_trades ADD CONSTRAINT odd CHECK source_sequence != 321")
        proxy.choose = lambda request: Fault(renamed=(469, 4711)) if request.is_insert else None
        letters = tmp_path / "letters"
        store.load(lines(0, 500), "--spool", spool, "--dead-letter", letters, port=proxy.port, seconds=90)
        (letter,) = letters.read_text().splitlines()
        assert "BINANCE-321" in letter and "4711" in letter
        assert store.count() == 499

    def test_an_unknown_code_that_stays(self, store, proxy, spool, tmp_path):
        """A server that fails, whatever comes: nothing is a dead letter, and nothing is lost."""
        letters = tmp_path / "letters"
        proxy.choose = lambda request: Fault(answer=exception(4711)) if request.is_insert else None
        running = store.load(lines(0, 100), "--spool", spool, "--dead-letter", letters, "--drain", "8s", port=proxy.port, expect=75)
        assert "code 4711" in running.said and (not letters.exists() or not letters.read_bytes())
        store.load(b"", "--spool", spool)
        store.holds(0, 100)

    def test_an_answer_that_is_not_of_clickhouse(self, store, proxy, spool):
        """A page of something else is no receipt for rows."""
        proxy.choose = lambda request: Fault(answer=(200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"))
        running = store.start("--spool", spool, "--drain", "1s", port=proxy.port)
        running.give(lines(0, 100))
        status = running.end()
        store.load(b"", "--spool", spool)
        assert status in (69, 75), f"status {status}, and {store.count()} rows are there after the next start"
        store.holds(0, 100)


class TestServerAway:
    def test_comes_up_late(self, store, proxy, spool):
        proxy.close()
        with store.start("--spool", spool, "--batch-rows", 500, port=proxy.port) as running:
            running.give(lines(0, 2000))
            running.until_said("trying again")
            assert spooled(spool) > 0
            proxy.open()
            assert running.end() == 0
        store.holds(0, 2000)

    def test_slower_than_the_time_limit(self, store, proxy, spool):
        """The first tries are cut off while the server goes on with them."""
        proxy.fail_inserts(*[Fault(after=lambda: time.sleep(1.5))] * 2, Fault(before=lambda: time.sleep(1.5)))
        running = store.load(lines(0, 3000), "--spool", spool, "--batch-rows", 1000, "--timeout", "700ms", port=proxy.port)
        assert "trying again" in running.said
        time.sleep(1)
        store.holds(0, 3000)

    def test_end_of_the_input(self, store, spool):
        began = time.monotonic()
        running = store.load(lines(0, 1000), "--spool", spool, "--batch-rows", 100, "--drain", "2s", port=AWAY, expect=75)
        assert 1.5 < time.monotonic() - began < 6
        assert "in the spool" in running.said.splitlines()[-1]
        store.load(b"", "--spool", spool)
        store.holds(0, 1000)

    def test_end_of_the_input_when_it_is_back(self, store, proxy, spool):
        """After a long time away the next try would be far off; the end of the input does not wait for it."""
        proxy.close()
        with store.start("--spool", spool, "--batch-age", "100ms", "--drain", "3s", port=proxy.port) as running:
            running.give(lines(0, 100))
            time.sleep(10)
            proxy.open()
            assert running.end() == 0, running.said
        store.holds(0, 100)

    def test_the_next_start_sends_in_order(self, store, proxy, spool):
        """A later row of an identity wins, however often loading was interrupted between."""
        for price in ("1.00", "2.00", "3.00"):
            data = lines(0, 200).replace(b"76745.18000000", price.encode())
            store.load(data, "--spool", spool, "--batch-rows", 50, "--drain", "0s", port=AWAY, expect=75)
        proxy.fail_inserts(Fault(reset="after"), Fault(), Fault(reset="before"))
        running = store.load(b"", "--spool", spool, port=proxy.port)
        assert "12 batches of an earlier run" in running.said
        assert store.query("SELECT DISTINCT toString(price) FROM silver_trades FINAL") == ["3"]
        store.holds(0, 200, repeats=400)

    def test_the_second_host(self, store, spool):
        environment = store.environment() | {"K2_CLICKHOUSE_URL": f"http://127.0.0.1:{AWAY},127.0.0.1:{store.server.port}/{store.database}"}
        with Load(store.tools, environment, "--spool", spool) as running:
            running.give(lines(0, 100))
            assert running.end() == 0 and running.said == ""
        store.holds(0, 100)

    BUSY = {
        "503": (503, {}, b""),
        "read only": exception(242),
        "too many queries": exception(202),
        "memory": exception(241),
        "404 of something else": (404, {}, b"<html>no such page</html>"),
        "a page of something else": (200, {"Content-Type": "text/html"}, b"<html>welcome</html>"),
    }

    @pytest.mark.parametrize("answer", BUSY.values(), ids=BUSY)
    def test_the_second_host_when_the_first_is_busy(self, store, proxy, spool, answer):
        proxy.choose = lambda request: Fault(answer=answer)
        environment = store.environment() | {"K2_CLICKHOUSE_URL": f"http://127.0.0.1:{proxy.port},127.0.0.1:{store.server.port}/{store.database}"}
        with Load(store.tools, environment, "--spool", spool, "--drain", "4s") as running:
            running.give(lines(0, 100))
            assert running.end() == 0, running.said
        store.holds(0, 100)

    def test_something_else_answers_for_a_while(self, store, proxy, spool):
        """A balancer between two versions of its configuration: ClickHouse was there, so it will be again."""
        proxy.fail_inserts(None, Fault(answer=self.BUSY["404 of something else"]), Fault(answer=self.BUSY["a page of something else"]))
        running = store.load(lines(0, 300), "--spool", spool, "--batch-rows", 100, port=proxy.port)
        assert "HTTP 404, not an answer of ClickHouse" in running.said
        store.holds(0, 300)

    def test_something_else_answers_always(self, store, proxy, spool):
        proxy.choose = lambda request: Fault(answer=self.BUSY["404 of something else"])
        running = store.load(lines(0, 300), "--spool", spool, port=proxy.port, expect=69)
        assert "HTTP 404, not an answer of ClickHouse" in running.said
        assert spooled(spool) > 0

    def test_the_second_host_after_a_lost_reply(self, store, proxy, spool):
        proxy.fail_inserts(Fault(reset="after"))
        environment = store.environment() | {"K2_CLICKHOUSE_URL": f"http://127.0.0.1:{proxy.port},127.0.0.1:{store.server.port}/{store.database}"}
        with Load(store.tools, environment, "--spool", spool, "--batch-rows", 100) as running:
            running.give(lines(0, 300))
            assert running.end() == 0 and running.said == ""
        store.holds(0, 300)

    def test_a_tls_handshake_that_is_cut(self, store, spool):
        """As of a server that just starts or ends behind a balancer: it may work later."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def cut():
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    connection.recv(1)
                    reset(connection)

            threading.Thread(target=cut, daemon=True).start()
            environment = store.environment() | {"K2_CLICKHOUSE_URL": f"https://127.0.0.1:{listener.getsockname()[1]}/{store.database}"}
            with Load(store.tools, environment, "--spool", spool, "--drain", "1s") as running:
                running.give(lines(0, 100))
                assert running.end() == 75, running.said
        store.load(b"", "--spool", spool)
        store.holds(0, 100)


class TestSignals:
    def test_while_the_server_is_away(self, store, spool):
        with store.start("--spool", spool, "--batch-rows", 300, "--tee", port=AWAY) as running:
            running.give(lines(0, 1000))
            running.until(lambda: running.passed.count(b"\n") == 1000)
            assert running.stop(10) == 143
            assert "in the spool" in running.said
        store.load(b"", "--spool", spool)
        store.holds(0, 1000)

    def test_while_the_server_stalls(self, store, proxy, spool):
        release = threading.Event()
        proxy.choose = lambda request: Fault(before=lambda: release.wait(60), reset="before") if request.is_insert else None
        with store.start("--spool", spool, "--batch-rows", 300, "--tee", port=proxy.port) as running:
            running.give(lines(0, 1000))
            running.until(lambda: proxy.inserts and running.passed.count(b"\n") == 1000)
            assert running.stop(10) == 143
        release.set()
        store.load(b"", "--spool", spool)
        store.holds(0, 1000)

    def test_while_the_server_works(self, store, spool):
        with store.start("--spool", spool, "--tee") as running:
            running.give(lines(0, 1000))
            running.until(lambda: running.passed.count(b"\n") == 1000)
            assert running.stop(10) == 143 and running.said == ""
        store.holds(0, 1000)

    def test_when_it_is_back(self, store, proxy, spool):
        proxy.close()
        with store.start("--spool", spool, "--batch-age", "100ms", port=proxy.port) as running:
            running.give(lines(0, 100))
            time.sleep(10)
            proxy.open()
            assert running.stop(10) == 143 and "next start" not in running.said, running.said
        store.holds(0, 100)

    def test_with_a_full_spool(self, store, spool):
        """Reading waits for room; what was passed on before is kept all the same."""
        data = wide_lines(0, 60_000)
        with store.start("--spool", spool, "--spool-limit", "1m", "--batch-rows", 2000, "--tee", port=AWAY) as running:
            running.give_aside(data)
            running.until_said("full", seconds=20)
            time.sleep(0.5)
            assert running.stop(12) == 143
            passed = running.passed.count(b"\n")
            assert "in the spool" in running.said.splitlines()[-1]
        store.load(b"", "--spool", spool)
        found = store.count()
        assert found >= passed, f"{passed} lines were passed on, {found} rows were kept"
        store.holds(0, found)

    def test_with_a_reader_that_stalls(self, store, spool):
        process = subprocess.Popen(
            [store.tools.path("k2-load"), "--tee", "--spool", spool, "--batch-age", "200ms"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=store.environment(),
        )  # fmt: skip
        threading.Thread(target=lambda: suppressed(process.stdin.write, lines(0, 20_000)), daemon=True).start()
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(12) == 143, process.stderr.read()
        passed = process.stdout.read().count(b"\n")
        store.load(b"", "--spool", spool)
        assert store.count() >= passed > 0, f"{passed} lines were passed on, {store.count()} rows were kept"

    def test_twice(self, store, spool):
        with store.start("--spool", spool, port=AWAY) as running:
            running.give(lines(0, 100))
            running.until_said("trying again")
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            assert running.stop(2) == 143
        store.load(b"", "--spool", spool)
        store.holds(0, 100)


def suppressed(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass


class TestSpool:
    def test_its_limit(self, store, proxy, spool):
        """Reading waits, goes on when there is room, and nothing is lost."""
        data = wide_lines(0, 40_000)
        proxy.close()
        with store.start("--spool", spool, "--spool-limit", "1m", "--batch-rows", 2000, port=proxy.port) as running:
            taken = running.give_aside(data, close=True)
            running.until_said("full", seconds=20)
            time.sleep(1)
            assert not taken.is_set() and spooled(spool) <= 1 << 20
            proxy.open()
            assert running.wait(60) == 0
        assert running.said.count("full") == 1
        store.holds(0, 40_000)

    def test_its_limit_at_the_end_of_the_input(self, store, spool):
        """What was read has to be somewhere, and loading ends after --drain."""
        count = 24_000
        with store.start("--spool", spool, "--spool-limit", "1m", "--batch-rows", 2000, "--drain", "1s", port=AWAY) as running:
            taken = running.give_aside(wide_lines(0, count), close=True)
            running.until_said("full", seconds=20)
            if not taken.wait(2):
                pytest.fail("the input is too large for this test")
            assert running.wait(20) == 75, running.said
        store.load(b"", "--spool", spool)
        store.holds(0, count)

    def test_a_batch_larger_than_its_limit(self, store, spool):
        store.load(wide_lines(0, 40_000), "--spool", spool, "--spool-limit", "1m", "--batch-rows", 40_000, "--batch-age", "1m")
        store.holds(0, 40_000)

    def test_a_full_disk(self, store, proxy, tmp_path):
        """One batch waits in memory, reading behind it, and goes straight to the server when it is back."""
        if os.geteuid() != 0:
            pytest.skip("mounting a small disk takes root")
        disk = tmp_path / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode != 0:
            pytest.skip("nothing can be mounted here")
        try:
            proxy.close()
            with store.start("--spool", disk / "spool", "--batch-rows", 2000, port=proxy.port) as running:
                taken = running.give_aside(wide_lines(0, 60_000), close=True)
                running.until_said("kept in memory", seconds=20)
                time.sleep(0.5)
                assert not taken.is_set()
                proxy.open()
                assert running.wait(60) == 0, running.said
            assert spooled(disk / "spool") == 0
        finally:
            subprocess.run(["umount", "-l", str(disk)])
        store.holds(0, 60_000)

    def test_files_that_must_not_grow(self, store, proxy, spool):
        """As with `ulimit -f`."""
        proxy.close()

        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

        process = subprocess.Popen(
            [store.tools.path("k2-load"), "--spool", spool, "--batch-rows", "2000"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=store.environment(port=proxy.port), preexec_fn=limited,
        )  # fmt: skip
        threading.Timer(3, proxy.open).start()
        _, said = process.communicate(wide_lines(0, 20_000), timeout=60)
        assert process.returncode == 0 and b"kept in memory" in said, said
        store.holds(0, 20_000)

    @pytest.mark.parametrize("where", ["first", "middle", "last", "torn", "only"])
    def test_damage_is_said(self, store, spool, where):
        rows = 1000 if where == "only" else 100
        store.load(lines(0, 1000), "--spool", spool, "--batch-rows", rows, "--batch-age", "1m", "--drain", "0s", port=AWAY, expect=75)
        (file,) = spool.glob("*.spool")
        data = bytearray(file.read_bytes())
        if where == "torn":
            file.write_bytes(data[:-3])
        else:
            data[{"first": 200, "middle": len(data) // 2}.get(where, -10)] ^= 0x10
            file.write_bytes(data)
        running = store.load(b"", "--spool", spool)
        assert store.count() == 1000 - rows
        assert "damaged" in running.said or "unfinished" in running.said or "torn" in running.said, running.said

    def test_positions_that_are_damaged(self, store, spool):
        """Then all of the file comes again, which changes nothing."""
        store.load(lines(0, 1000), "--spool", spool, "--batch-rows", 100, "--drain", "0s", port=AWAY, expect=75)
        (file,) = spool.glob("*.spool")
        data = bytearray(file.read_bytes())
        data[8:56] = bytes(random.Random(SEED).randrange(256) for _ in range(48))
        file.write_bytes(data)
        store.load(b"", "--spool", spool)
        store.holds(0, 1000)

    def test_is_of_one_load(self, store, spool):
        with store.start("--spool", spool) as first:
            first.give(lines(0, 10))
            first.until(lambda: store.count() == 10)
            second = store.load(lines(10, 10), "--spool", spool, expect=75)
            assert len(second.said.splitlines()) <= 2 and str(spool) in second.said
            assert first.end() == 0
        store.holds(0, 10)

    def test_each_load_finds_one(self, store, proxy, tmp_path):
        """Without --spool; and what an earlier one left is told."""
        proxy.close()
        with store.start(port=proxy.port) as first, store.start(port=proxy.port) as second:
            for number, running in enumerate((first, second)):
                running.give(lines(number * 100, 100))
                running.until_said("trying again")
            assert first.stop() == second.stop() == 143
        proxy.open()
        running = store.load(b"", port=proxy.port)
        assert "wait here" in running.said and "hint: k2-load --spool" in running.said
        assert store.count() == 100
        store.load(b"", "--spool", tmp_path / "k2" / "load" / "1")
        store.holds(0, 200)

    def test_one_for_another_server_is_left_alone(self, store, tmp_path):
        store.load(lines(0, 10), "--drain", "0s", port=AWAY, expect=75)
        running = store.load(lines(100, 10))
        assert "for another ClickHouse" in running.said
        store.holds(100, 10)
        store.load(b"", "--spool", tmp_path / "k2" / "load" / "0")
        assert store.count() == 20

    def test_a_folder_that_cannot_be(self, store, tmp_path):
        (tmp_path / "file").write_text("")
        running = store.load(lines(0, 1), "--spool", tmp_path / "file" / "spool", expect=1)
        assert len(running.said.splitlines()) <= 2


class TestTee:
    def test_lines_pass_while_the_server_stalls(self, store, proxy, spool):
        release = threading.Event()
        proxy.choose = lambda request: Fault(before=lambda: release.wait(30)) if request.is_insert else None
        slowest = 0
        with store.start("--spool", spool, "--batch-rows", 50, "--tee", port=proxy.port) as running:
            for number in range(40):
                began = time.monotonic()
                running.give(lines(number * 20, 20))
                running.until(lambda: running.passed.count(b"\n") == (number + 1) * 20)
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.05)
            release.set()
            assert running.end() == 0
        assert slowest < 1
        store.holds(0, 800)

    def test_what_was_read_passes_before_reading_waits(self, store, spool):
        """With a full spool no line that has a row in it is held back."""
        with store.start("--spool", spool, "--spool-limit", "1m", "--batch-rows", 2000, "--tee", port=AWAY) as running:
            running.give_aside(wide_lines(0, 60_000))
            running.until_said("full", seconds=20)
            time.sleep(1)
            passed = running.passed.count(b"\n")
            assert passed % 2000 == 0, f"{passed % 2000} lines of a batch passed, the rest of it waits"

    def test_the_reader_leaves(self, store, spool):
        process = subprocess.Popen(
            [store.tools.path("k2-load"), "--tee", "--spool", spool],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=store.environment(),
        )  # fmt: skip
        process.stdin.write(lines(0, 100))
        process.stdin.flush()
        assert process.stdout.readline()
        process.stdout.close()
        suppressed(process.stdin.write, lines(100, 5000))
        suppressed(process.stdin.close)
        assert process.wait(20) == 0, process.stderr.read()
        assert store.count() >= 100


@pytest.fixture(scope="module")
def own_server(tools, tmp_path_factory):
    """One that may be killed."""
    with ClickHouse(tmp_path_factory.mktemp("killed"), "--test-hooks") as running:
        yield running


@pytest.fixture
def own_store(tools, own_server, tmp_path, request):
    store = Store(tools, own_server, "k_" + re.sub(r"\W", "_", request.node.name), tmp_path)
    store.init("--ttl", "none")
    return store


class TestKilledServer:
    def test_between_applying_and_answering(self, own_store, own_server, spool):
        """The same folder comes up again, and has the batch."""

        def die():
            own_server.kill()
            threading.Thread(target=own_server.start, daemon=True).start()

        with Proxy(own_server) as proxy:
            proxy.fail_inserts(Fault(), Fault(after=die, reset="after"), Fault(), Fault(after=die, reset="after"))
            own_store.load(lines(0, 4000), "--spool", spool, "--batch-rows", 1000, "--batch-age", "1m", port=proxy.port)
        own_store.holds(0, 4000)

    @pytest.mark.parametrize("refused", [False, True], ids=["whole", "halved"])
    def test_between_noting_and_having(self, own_store, own_server, spool, refused):
        """The server comes up again and knows the token of a batch, or of a part of one, but has only some of its rows."""

        def die():
            own_store.run("DELETE FROM silver_trades WHERE source_sequence BETWEEN 1200 AND 1399")
            own_server.kill()
            threading.Thread(target=own_server.start, daemon=True).start()

        tokens = []

        def choose(request):
            """The second batch is refused as a whole each time; it, or the first part of it, is what is under way when the server dies."""
            if not request.is_insert:
                return None
            is_new = request.token not in tokens
            tokens.extend([request.token] if is_new else [])
            if refused and tokens.index(request.token) == 1:
                return Fault(answer=exception(27))
            return Fault(after=die, reset="after") if is_new and len(tokens) == (3 if refused else 2) else None

        with Proxy(own_server, choose) as proxy:
            loaded = own_store.load(lines(0, 4000), "--spool", spool, "--batch-rows", 1000, "--batch-age", "1m", port=proxy.port)
        own_store.holds(0, 4000)
        assert "200 rows that ClickHouse had not kept" in loaded.said


class TestKilledAnywhere:
    """Each run is one table, one spool and kills at random; the input comes again as a whole after each kill."""

    def test_load(self, store, tmp_path):
        """RUNS runs, a few at a time."""
        with Proxy(store.server) as proxy:
            for run in range(RUNS):
                self._run(store, proxy, tmp_path / str(run), SEED * 1_000_003 + run)

    @staticmethod
    def _run(store, proxy, spool, seed):
        source = random.Random(seed)
        rows, batch = source.randrange(1000, 5000), source.choice([250, 700, 2000])
        first = source.randrange(10**6) * 10**4
        data = lines(first, rows)
        store.run("TRUNCATE TABLE silver_trades")
        weights = source.choice([(1, 0, 0, 0), (8, 1, 1, 1), (2, 1, 1, 1)])

        def choose(request):
            if not request.is_insert:
                return None
            kind = source.choices(["none", "before", "after", "half"], weights)[0]
            pause = source.choice([0, 0, 0, 0.01])
            return Fault(before=lambda: time.sleep(pause), reset=kind if kind in ("before", "after") else None, half=kind == "half")

        proxy.choose = choose
        for _ in range(source.randrange(1, 3)):
            with store.start("--spool", spool, "--batch-rows", batch, "--batch-age", "100ms", port=proxy.port) as running:
                running.give_aside(data)
                time.sleep(source.uniform(0.02, 0.25))
                if source.random() < 0.3:
                    proxy.close()
                    proxy.open()
                running.kill()
        proxy.choose = lambda request: None
        store.load(data, "--spool", spool, "--batch-rows", batch, port=proxy.port)
        try:
            store.holds(first, rows, repeats=4 * rows)
            assert spooled(spool) == 0
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from None

    TOGETHER = 5

    def test_server(self, own_store, own_server, tmp_path):
        """The server dies at random while several loads work; each load is a run."""
        source = random.Random(SEED)
        for round in range(max(RUNS // self.TOGETHER, 1)):
            own_store.run("TRUNCATE TABLE silver_trades")
            sizes = [source.randrange(2000, 6000) for _ in range(self.TOGETHER)]
            firsts = [(round * self.TOGETHER + load) * 10_000 for load in range(self.TOGETHER)]
            with Proxy(own_server) as proxy, contextlib.ExitStack() as stack:
                loads = []
                for first, rows in zip(firsts, sizes):
                    arguments = ["--spool", tmp_path / str(first), "--batch-rows", 250, "--batch-age", "100ms", "--drain", "60s"]
                    loads.append(stack.enter_context(own_store.start(*arguments, port=proxy.port)))
                    loads[-1].give_aside(lines(first, rows), close=True)
                for _ in range(source.randrange(1, 3)):
                    time.sleep(source.uniform(0.05, 0.6))
                    own_server.kill()
                    own_server.start()
                for load in loads:
                    assert load.wait(60) == 0, f"seed {SEED}, round {round}: {load.said}"
            found = own_store.query("SELECT intDiv(source_sequence, 10000), count(), uniqExact(trade_id) FROM silver_trades FINAL GROUP BY 1 ORDER BY 1")
            wanted = [f"{first // 10_000}\t{rows}\t{rows}" for first, rows in zip(firsts, sizes)]
            assert found == wanted, f"seed {SEED}, round {round}"
            raw = own_store.count(final=False)
            assert raw == sum(sizes), f"seed {SEED}, round {round}: {raw} rows before merging for {sum(sizes)} trades"
