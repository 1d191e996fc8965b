"""The development server speaks ClickHouse's HTTP interface: requests, answers, errors, sessions."""

import base64
import json
import threading
import time

import pytest

from clickhouse_server import ClickHouse


@pytest.fixture(scope="session", autouse=True)
def root_folder():
    """These tests need none of the built tools."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ClickHouse(tmp_path_factory.mktemp("clickhouse"), "--test-hooks", "--display-name", "here") as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "password").write_text("s3cret'\n")
    with ClickHouse(folder, "--user", "trader", "--password-file", str(folder / "password")) as running:
        yield running


@pytest.fixture
def table(server):
    server.run("CREATE OR REPLACE TABLE t (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    return server


class TestRoutes:
    @pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
    def test_health(self, server, path):
        answer = server.request("GET", path)
        assert (answer.status, answer.body) == (200, b"Ok.\n")

    def test_unknown_path(self, server):
        assert server.request("GET", "/nothing").status == 404

    def test_query_in_url_in_body_and_in_both(self, server):
        assert server.query("SELECT 1 + 1").text == "2\n"
        assert server.request("POST", "/", b"SELECT 1 + 2;").text == "3\n"
        assert server.query("SELECT 1", b"+ 3").text == "4\n"

    def test_chunked_body(self, table):
        pieces = (b"%d\tx\n" % number for number in range(1000))
        target = "/?query=INSERT%20INTO%20t%20FORMAT%20TSV"
        assert table.request("POST", target, pieces, {"Transfer-Encoding": "chunked"}).summary["written_rows"] == 1000
        assert table.rows("SELECT count(), sum(a) FROM t") == ["1000\t499500"]

    def test_post_without_length(self, server):
        connection = server.connection()
        connection.putrequest("POST", "/?query=SELECT%201")
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, response.headers["X-ClickHouse-Exception-Code"]) == (411, "381")

    def test_get_only_reads(self, server):
        assert server.query("SELECT 1", method="GET").text == "1\n"
        answer = server.query("CREATE TABLE g (a Int8) ENGINE = Memory", method="GET")
        assert (answer.status, answer.code) == (500, 164)
        assert "method GET implies readonly" in answer.text

    def test_head_has_no_body(self, server):
        answer = server.query("SELECT 1", method="HEAD")
        assert (answer.status, answer.body) == (200, b"")

    def test_connection_is_kept(self, server):
        connection = server.connection()
        for number in range(5):
            assert server.query(f"SELECT {number}", connection=connection).text == f"{number}\n"
            assert server.query("SELECT nothing", connection=connection).code == 47
        assert connection.sock is not None


class TestAnswers:
    def test_headers(self, server):
        answer = server.query("SELECT 1 AS a FORMAT JSONEachRow", query_id="mine")
        assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
        assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
        assert answer.headers["X-ClickHouse-Server-Display-Name"] == "here"
        assert answer.headers["X-ClickHouse-Timezone"]
        assert answer.headers["Content-Type"].startswith("application/")
        assert answer.summary["result_rows"] == 1
        assert answer.headers["Transfer-Encoding"] == "chunked"

    def test_default_format(self, server):
        assert json.loads(server.query("SELECT 1 AS a", default_format="JSONEachRow").body) == {"a": 1}
        assert json.loads(server.query("SELECT 1 AS a", headers={"X-ClickHouse-Format": "JSONEachRow"}).body) == {"a": 1}
        assert server.query("SELECT 1 FORMAT CSV", default_format="JSON").text == "1\n"

    def test_result_without_rows_is_still_a_document(self, server):
        assert json.loads(server.query("SELECT 1 AS a WHERE 0 FORMAT JSON").body)["rows"] == 0
        assert server.query("SELECT 1 AS a WHERE 0 FORMAT CSVWithNames").text == '"a"\n'

    def test_long_document_in_one_piece(self, server):
        answer = server.query("SELECT number FROM numbers(300000) FORMAT JSON")
        assert json.loads(answer.body)["rows"] == 300000

    @pytest.mark.parametrize("suffix", ["", "WithNames", "WithNamesAndTypes"])
    @pytest.mark.parametrize("base", ["TabSeparated", "CSV", "JSONCompactEachRow", "RowBinary"])
    def test_names_and_types_only_once(self, server, base, suffix):
        query = f"SELECT toUInt8(1) AS number, '7' AS text FROM numbers(150000) FORMAT {base}{suffix}"
        one = server.query(query.replace("150000", "1")).body
        none = server.query(query.replace("150000", "0")).body
        assert server.query(query).body == one + one[len(none) :] * 149999

    def test_parameters(self, table):
        assert table.query("SELECT {a:UInt8} + 1, {s:String}", param_a="7", param_s="it's").text == "8\tit\\'s\n"
        table.query("INSERT INTO {name:Identifier} FORMAT TSV", b"1\tone\n", param_name="t")
        assert table.rows("SELECT * FROM t") == ["1\tone"]

    def test_settings(self, server):
        assert server.query("SELECT getSetting('max_threads')", max_threads="3").text == "3\n"
        assert server.query("SELECT getSetting('max_threads')", max_threads="3", wait_end_of_query="1").status == 200
        answer = server.query("SELECT 1", no_such_setting="1")
        assert (answer.status, answer.code) == (404, 115)
        assert "UNKNOWN_SETTING" in answer.text
        assert server.query("SELECT 1", send_progress_in_http_headers="1").text == "1\n"

    def test_database(self, server):
        server.run("CREATE DATABASE IF NOT EXISTS `odd ``name`")
        assert server.query("SELECT currentDatabase()", database="odd `name").text == "odd `name\n"
        header = {"X-ClickHouse-Database": "system"}
        assert server.query("SELECT currentDatabase()", headers=header).text == "system\n"
        assert server.query("SELECT 1", database="missing").code == 81

    def test_large_result_in_bounded_memory(self, server):
        server.rows("SELECT 1")
        server.reset()
        before = server.stats()["rss_bytes"]
        connection = server.connection()
        connection.request("POST", "/", "SELECT number, repeat('x', 90) FROM numbers(6000000) FORMAT RowBinary")
        response, size = connection.getresponse(), 0
        while piece := response.read(1 << 22):
            size += len(piece)
        assert size == 6000000 * 99
        assert server.stats()["peak_rss_bytes"] - before < 250e6


class TestInserts:
    @pytest.mark.parametrize(
        ("statement", "data"),
        [
            ("INSERT INTO t FORMAT JSONEachRow", b'{"a":1,"s":"x"}\n{"a":2,"s":"y"}'),
            ("INSERT INTO t (s, a) FORMAT CSV", b"x,1\ny,2\n"),
            ("INSERT INTO t VALUES", b"(1,'x'),(1+1,'y')"),
            ("INSERT INTO t SETTINGS input_format_null_as_default = 0 FORMAT TSV", b"1\tx\n2\ty\n"),
            ("INSERT INTO t FORMAT RowBinary", b"\1\0\0\0\1x\2\0\0\0\1y"),
            ("insert into t -- FORMAT CSV\n format TSV", b"1\tx\n2\ty\n"),
        ],
    )
    def test_data_behind_the_statement(self, table, statement, data):
        assert table.query(statement, data).summary["written_rows"] == 2
        assert table.request("POST", "/", statement.encode() + b"\n" + data).summary["written_rows"] == 2
        assert table.rows("SELECT count(), uniq(a, s) FROM t") == ["4\t2"]

    def test_format_must_be_in_the_statement(self, table):
        assert table.query("INSERT INTO t", b'{"a":1}', default_format="JSONEachRow").code == 62

    def test_insert_select(self, table):
        assert table.query("INSERT INTO t SELECT number, 'x' FROM numbers(5)").summary["written_rows"] == 5

    def test_no_rows(self, table):
        assert table.query("INSERT INTO t FORMAT JSONEachRow").summary["written_rows"] == 0

    def test_rows_that_cannot_be_written(self, server):
        """Reading them works, so only the engine's writing side knows."""
        server.run("CREATE OR REPLACE TABLE d (a UInt32) ENGINE = MergeTree PARTITION BY a ORDER BY a")
        data = b"".join(b"%d\n" % number for number in range(101))
        answer = server.query("INSERT INTO d FORMAT TSV", data)
        assert (answer.status, answer.code) == (500, 252)
        server.run("CREATE OR REPLACE TABLE d (a UInt32, CONSTRAINT small CHECK a < 9) ENGINE = MergeTree ORDER BY a")
        answer = server.query("INSERT INTO d FORMAT TSV", data)
        assert (answer.status, answer.code) == (500, 469)
        assert server.rows("SELECT count() FROM d") == ["0"]

    def test_blocks_are_those_of_a_server(self, table):
        data = b"".join(b"%d\t1\n" % number for number in range(1200000))
        table.query("SYSTEM STOP MERGES t")
        table.query("INSERT INTO t FORMAT TSV", data, input_format_parallel_parsing="0")
        assert table.rows("SELECT rows FROM system.parts WHERE table = 't' AND active ORDER BY 1") == ["151551", "1048449"]

    def test_semicolon_before_data(self, table):
        assert table.query("INSERT INTO t FORMAT CSV;", b"1,x\n").code == 62

    def test_body_that_ends_too_early_inserts_nothing(self, table):
        connection = table.connection()
        connection.putrequest("POST", "/?query=INSERT%20INTO%20t%20FORMAT%20TSV")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"1\tx\n2\ty\n")
        connection.sock.shutdown(1)
        assert connection.sock.recv(100) == b""
        connection.close()
        assert table.rows("SELECT count() FROM t") == ["0"]

    def test_sixteen_at_once(self, table):
        def work(number):
            connection = table.connection()
            for part in range(10):
                rows = b"".join(b"%d\tx\n" % (number * 1000 + part * 100 + row) for row in range(100))
                assert table.query("INSERT INTO t FORMAT TSV", rows, connection=connection).status == 200
                assert table.query("SELECT count() FROM t", connection=connection).status == 200

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert table.rows("SELECT count(), uniqExact(a) FROM t") == ["16000\t16000"]


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "status", "code", "name"),
        [
            ("SELEC 1", 400, 62, "SYNTAX_ERROR"),
            ("", 400, 62, "SYNTAX_ERROR"),
            ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
            ("SELECT * FROM nothing", 404, 60, "UNKNOWN_TABLE"),
            ("SELECT nothing", 404, 47, "UNKNOWN_IDENTIFIER"),
            ("SELECT no_such_function()", 404, 46, "UNKNOWN_FUNCTION"),
            ("SELECT 1 FORMAT Nothing", 404, 73, "UNKNOWN_FORMAT"),
            ("SELECT toUInt8('x')", 400, 6, "CANNOT_PARSE_TEXT"),
            ("SELECT throwIf(1, 'so it is')", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
            ("INSERT INTO nothing FORMAT CSV", 404, 60, "UNKNOWN_TABLE"),
            ("SELECT sleep(3) SETTINGS max_execution_time = 0.1", 408, 159, "TIMEOUT_EXCEEDED"),
        ],
    )
    def test_code_status_and_text(self, server, query, status, code, name):
        answer = server.request("POST", "/", query.encode())
        assert (answer.status, answer.code) == (status, code), answer.text
        assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
        assert f"({name}) (version " in answer.text and answer.text.endswith("\n")
        assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"

    def test_bad_data(self, table):
        answer = table.query("INSERT INTO t FORMAT JSONEachRow", b'{"a":1}\n{"a":"x"}\n')
        assert (answer.status, answer.code) == (400, 27)
        assert answer.text.count("Code:") == answer.text.count("(version ") == 1
        assert "(at row 2)" in answer.text and "file" not in answer.text
        assert table.rows("SELECT count() FROM t") == ["0"]

    def test_same_query_id_twice(self, server):
        slow = threading.Thread(target=server.query, args=("SELECT sleep(1)",), kwargs={"query_id": "twice"})
        slow.start()
        time.sleep(0.3)
        answer = server.query("SELECT 1", query_id="twice")
        slow.join()
        assert (answer.status, answer.code) == (500, 216)


SLOW_FAILURE = "SELECT number, repeat('x', 1000), throwIf(number = 9000) FROM numbers(10000)"


class TestErrorsInTheMiddle:
    def test_small_result_is_replaced(self, server):
        answer = server.query("SELECT throwIf(number = 9) FROM numbers(10)", max_block_size="1")
        assert (answer.status, answer.code, answer.body[:10]) == (500, 395, b"Code: 395.")

    def test_tagged(self, server):
        answer = server.query(SLOW_FAILURE, max_block_size="500", max_threads="1")
        tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
        assert (answer.status, answer.code, answer.cut, len(tag)) == (200, 0, True, 16)
        data, opening, rest = answer.body.partition(b"\r\n__exception__\r\n" + tag + b"\r\n")
        message, closing, nothing = rest.partition(b" " + tag + b"\r\n__exception__\r\n")
        text, length = message.rsplit(b"\n", 1)
        assert data.endswith(b"\n") and opening and closing and not nothing
        assert text.startswith(b"Code: 395. DB::Exception: ") and int(length) == len(text) + 1

    def test_buffered_result_is_replaced(self, server):
        answer = server.query(SLOW_FAILURE, max_block_size="500", max_threads="1", wait_end_of_query="1")
        assert (answer.status, answer.code, answer.cut) == (500, 395, False)

    @pytest.mark.parametrize(("style", "cut", "before"), [("marker", True, b"__exception__\r\n"), ("plain", False, b"")])
    def test_older_servers(self, tmp_path, style, cut, before):
        with ClickHouse(tmp_path, "--exception-style", style) as older:
            answer = older.query(SLOW_FAILURE, max_block_size="500", max_threads="1")
        assert (answer.status, answer.cut) == (200, cut)
        assert "X-ClickHouse-Exception-Tag" not in answer.headers
        assert answer.body.rpartition(b"\n" + before + b"Code: 395. DB::Exception: ")[1]

    def test_in_the_format(self, server):
        on = {"http_write_exception_in_output_format": "1", "max_block_size": "500", "max_threads": "1"}
        answer = server.query(f"{SLOW_FAILURE} FORMAT JSONEachRow", **on)
        assert (answer.status, answer.cut) == (200, False)
        assert json.loads(answer.text.splitlines()[-1])["exception"].startswith("Code: 395.")
        answer = server.query("SELECT throwIf(1) FORMAT JSON", **on)
        assert (answer.status, answer.code) == (500, 395)
        assert json.loads(answer.body)["exception"].startswith("Code: 395.")


class TestAuthentication:
    BASIC = base64.b64encode(b"trader:s3cret'").decode()

    @pytest.mark.parametrize(
        "headers",
        [{"X-ClickHouse-User": "trader", "X-ClickHouse-Key": "s3cret'"}, {"Authorization": f"Basic {BASIC}"}],
    )
    def test_headers(self, guarded, headers):
        assert guarded.query("SELECT 1", headers=headers).text == "1\n"

    def test_url(self, guarded):
        assert guarded.query("SELECT 1", user="trader", password="s3cret'").text == "1\n"

    def test_wrong_password(self, guarded):
        answer = guarded.query("SELECT 1", headers={"X-ClickHouse-User": "trader", "X-ClickHouse-Key": "x"})
        assert (answer.status, answer.code) == (403, 516)
        assert "AUTHENTICATION_FAILED" in answer.text and "s3cret" not in answer.text

    def test_default_user_is_asked_for_a_password(self, guarded):
        answer = guarded.query("SELECT 1")
        assert (answer.status, answer.code) == (401, 194)
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    def test_two_ways_at_once(self, guarded):
        headers = {"X-ClickHouse-User": "trader", "X-ClickHouse-Key": "s3cret'", "Authorization": f"Basic {self.BASIC}"}
        assert guarded.query("SELECT 1", headers=headers).code == 516

    def test_ping_needs_nobody(self, guarded):
        assert guarded.request("GET", "/ping").status == 200

    def test_hooks_are_off(self, guarded):
        assert guarded.request("GET", "/_test/stats").status == 404


class TestSessions:
    def test_temporary_table(self, server):
        server.rows("CREATE TEMPORARY TABLE mine (a Int8)", session_id="one")
        assert server.rows("SELECT count() FROM mine", session_id="one") == ["0"]
        assert server.query("SELECT count() FROM mine", session_id="two").code == 60
        assert server.query("SELECT count() FROM mine").code == 60

    def test_set_stays_and_url_does_not(self, server):
        server.rows("SET max_block_size = 11", session_id="s")
        ask = "SELECT getSetting('max_block_size'), getSetting('max_threads')"
        assert server.rows(ask, session_id="s", max_threads="5") == ["11\t5"]
        assert server.rows(ask, session_id="s", max_block_size="12")[0].startswith("12\t")
        assert server.rows(ask, session_id="s")[0].startswith("11\t")
        assert not server.rows(ask)[0].startswith("11\t")

    def test_session_must_exist(self, server):
        assert server.query("SELECT 1", session_id="new", session_check="1").code == 372

    def test_closed_session(self, server):
        server.rows("CREATE TEMPORARY TABLE mine (a Int8)", session_id="c")
        server.rows("SELECT 1", session_id="c", close_session="1")
        assert server.query("SELECT 1 FROM mine", session_id="c").code == 60

    def test_unused_session_ends(self, server):
        server.rows("CREATE TEMPORARY TABLE mine (a Int8)", session_id="short", session_timeout="1")
        time.sleep(1.3)
        assert server.query("SELECT 1", session_id="short", session_check="1").code == 372
        assert server.query("SELECT 1", session_id="short", session_timeout="9999").code == 374

    def test_one_request_at_a_time(self, server):
        slow = threading.Thread(target=server.query, args=("SELECT sleep(1)",), kwargs={"session_id": "busy"})
        slow.start()
        time.sleep(0.3)
        assert server.query("SELECT 1", session_id="busy").code == 373
        slow.join()


class TestHooks:
    @pytest.fixture(autouse=True)
    def _clean(self, server):
        server.reset()
        yield
        server.reset()

    def test_error_before_and_after(self, table):
        table.fault(status=503, code=202, match="INSERT", count=2)
        for _ in range(2):
            assert table.query("SELECT 1").status == 200
            answer = table.query("INSERT INTO t FORMAT TSV", b"1\tx\n")
            assert (answer.status, answer.code) == (503, 202)
        assert table.rows("SELECT count() FROM t") == ["0"]
        table.fault(status=500, when="after", match="INSERT")
        assert table.query("INSERT INTO t FORMAT TSV", b"1\tx\n").status == 500
        assert table.rows("SELECT count() FROM t") == ["1"]

    def test_no_answer(self, table):
        table.fault(drop=True, when="after", match="INSERT")
        with pytest.raises(ConnectionError):
            table.query("INSERT INTO t FORMAT TSV", b"1\tx\n")
        assert table.rows("SELECT count() FROM t") == ["1"]

    def test_half_an_answer(self, server):
        server.fault(half=True)
        answer = server.query("SELECT number FROM numbers(100)")
        assert answer.cut and 0 < len(answer.body) < 290

    def test_failure_behind_the_first_bytes(self, server):
        server.fault(cut_at=4)
        answer = server.query("SELECT number FROM numbers(100)")
        assert (answer.status, answer.cut) == (200, True)
        assert answer.body.startswith(b"0\n1\n\r\n__exception__\r\n")

    def test_delay(self, server):
        server.fault(delay=0.5)
        began = time.monotonic()
        server.rows("SELECT 1")
        assert time.monotonic() - began > 0.5

    def test_stats(self, table):
        table.reset()
        table.query("INSERT INTO t FORMAT TSV", b"1\tx\n2\ty\n")
        table.query("SELECT sum(number) FROM numbers(50000000)")
        stats = table.stats()
        assert (stats["requests"], stats["inserts"], stats["rows_inserted"], stats["bytes_received"]) == (2, 1, 2, 8)
        assert stats["cpu_seconds"] > 0
        assert 0 < stats["rss_bytes"] <= stats["peak_rss_bytes"] < 2e9

    def test_too_many_at_once(self, tmp_path):
        with ClickHouse(tmp_path, "--max-concurrent", "1") as small:
            slow = threading.Thread(target=small.query, args=("SELECT sleep(1)",))
            slow.start()
            time.sleep(0.3)
            assert small.query("SELECT 1").code == 202
            slow.join()
