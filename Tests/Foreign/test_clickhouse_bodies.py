"""Compressed requests and answers of the development server, and the official client."""

import bz2
import gzip
import json
import lzma
import struct
import zlib

import lz4.block
import lz4.frame
import pytest
import zstandard
from clickhouse_cityhash import cityhash as clickhouse_cityhash

from clickhouse_server import ClickHouse

LINES = b"".join(b"%d\ttext %d\n" % (number, number % 7) for number in range(20000))
CODINGS = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "zstd": (zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    "lz4": (lz4.frame.compress, lz4.frame.decompress),
    "bz2": (bz2.compress, bz2.decompress),
    "xz": (lzma.compress, lzma.decompress),
}
ANSWERS = ("zstd", "lz4", "gzip", "deflate")


@pytest.fixture(scope="session", autouse=True)
def root_folder():
    """These tests need none of the built tools."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ClickHouse(tmp_path_factory.mktemp("clickhouse"), "--test-hooks") as running:
        yield running


@pytest.fixture
def table(server):
    server.run("CREATE OR REPLACE TABLE t (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    return server


def insert(server, data, coding=None, **parameters):
    headers = {"Content-Encoding": coding} if coding else {}
    return server.query("INSERT INTO t FORMAT TSV", data, headers=headers, **parameters)


class TestContentEncoding:
    @pytest.mark.parametrize("coding", CODINGS)
    def test_whole(self, table, coding):
        assert insert(table, CODINGS[coding][0](LINES), coding).summary["written_rows"] == 20000
        assert table.rows("SELECT count(), uniq(s) FROM t") == ["20000\t7"]

    @pytest.mark.parametrize("coding", ["gzip", "zstd", "lz4"])
    def test_several_members(self, table, coding):
        encode = CODINGS[coding][0]
        assert insert(table, encode(b"1\tx\n") + encode(b"2\ty\n"), coding).summary["written_rows"] == 2

    @pytest.mark.parametrize(("coding", "code"), [("gzip", 354), ("deflate", 354), ("zstd", 561), ("lz4", 618)])
    def test_cut_and_damaged(self, table, coding, code):
        encoded = CODINGS[coding][0](LINES)
        assert insert(table, encoded[:-9], coding).code == code
        assert insert(table, b"nonsense" * 100, coding).code == code
        assert table.rows("SELECT count() FROM t") == ["0"]

    def test_brotli(self, table):
        import brotli

        assert insert(table, brotli.compress(LINES), "br").status == 200

    def test_unknown(self, table):
        answer = insert(table, b"1\tx\n", "tar")
        assert (answer.status, answer.code) == (501, 48)

    def test_empty(self, table):
        assert insert(table, b"", "gzip").status == 200

    def test_statement_in_a_coded_body(self, table):
        body = gzip.compress(b"INSERT INTO t FORMAT TSV\n" + LINES)
        assert table.request("POST", "/", body, {"Content-Encoding": "gzip"}).summary["written_rows"] == 20000


class TestAcceptEncoding:
    QUERY = "SELECT number FROM numbers(400000)"

    @pytest.mark.parametrize("coding", ANSWERS)
    def test_coded(self, server, coding):
        plain = server.query(self.QUERY).body
        answer = server.query(self.QUERY, headers={"Accept-Encoding": coding}, enable_http_compression="1")
        assert answer.headers["Content-Encoding"] == coding
        assert CODINGS[coding][1](answer.body) == plain

    def test_choice(self, server):
        def chosen(accepted, on="1"):
            headers = {"Accept-Encoding": accepted}
            return server.query("SELECT 1", headers=headers, enable_http_compression=on).headers["Content-Encoding"]

        assert chosen("gzip, zstd;q=0.1") == "zstd"
        assert chosen("zstd;q=0, gzip") == "gzip"
        assert chosen("identity") is None
        assert chosen("gzip", on="0") is None

    def test_error(self, server):
        headers = {"Accept-Encoding": "gzip"}
        answer = server.query("SELECT nothing", headers=headers, enable_http_compression="1")
        assert answer.code == 47 and gzip.decompress(answer.body).startswith(b"Code: 47.")

    def test_error_in_the_middle(self, server):
        failing = "SELECT number, throwIf(number = 600000) FROM numbers(700000) FORMAT RowBinary"
        headers = {"Accept-Encoding": "gzip"}
        answer = server.query(failing, headers=headers, enable_http_compression="1", max_block_size="1000", max_threads="1")
        assert (answer.status, answer.cut) == (200, True)
        decoder = zlib.decompressobj(31)
        tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
        assert decoder.decompress(answer.body).endswith(tag + b"\r\n__exception__\r\n")
        assert not decoder.eof


def block(method, payload, size):
    body = struct.pack("<BII", method, len(payload) + 9, size) + payload
    whole = clickhouse_cityhash.CityHash128(body)
    return struct.pack("<QQ", whole >> 64, whole & (2**64 - 1)) + body


def lz4_block(data):
    return block(0x82, lz4.block.compress(data, store_size=False), len(data))


def unpack(data):
    out, at = b"", 0
    while at < len(data):
        method, size, plain = struct.unpack_from("<BII", data, at + 16)
        assert method == 0x82
        out += lz4.block.decompress(data[at + 25 : at + 16 + size], uncompressed_size=plain)
        at += 16 + size
    return out


class TestNativeBlocks:
    def test_request(self, table):
        blocks = {
            "lz4": b"".join(lz4_block(LINES[at : at + 65536]) for at in range(0, len(LINES), 65536)),
            "zstd": block(0x90, zstandard.compress(LINES), len(LINES)),
            "none": block(0x02, LINES, len(LINES)),
        }
        for data in blocks.values():
            assert insert(table, data, decompress="1").summary["written_rows"] == 20000

    def test_written_by_the_engine(self, table):
        """A column file of a table is made of the same blocks."""
        table.run(
            "CREATE OR REPLACE TABLE n (b UInt32 CODEC(LZ4)) ENGINE = MergeTree ORDER BY tuple()"
            " SETTINGS min_bytes_for_wide_part = 0",
            "INSERT INTO n SELECT number FROM numbers(200000)",
        )
        (folder,) = table.rows("SELECT path FROM system.parts WHERE table = 'n' AND active")
        with open(f"{folder}/b.bin", "rb") as file:
            data = file.read()
        table.run("CREATE OR REPLACE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
        answer = table.query("INSERT INTO t FORMAT RowBinary", data, decompress="1")
        assert answer.summary["written_rows"] == 200000
        assert table.rows("SELECT sum(a) FROM t") == [str(sum(range(200000)))]

    def test_statement_in_blocks(self, table):
        body = lz4_block(b"INSERT INTO t FORMAT TSV\n" + LINES)
        assert table.request("POST", "/?decompress=1", body).summary["written_rows"] == 20000

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (lz4_block(LINES)[:-1], 33),
            (lz4_block(LINES)[:-1] + b"x", 40),
            (block(0x77, b"x", 1), 432),
            (block(0x82, b"", 1 << 31), 39),
            (lz4_block(b"1\tx\n") + block(0x02, b"2\ty\n", 4), 271),
        ],
    )
    def test_damaged(self, table, data, code):
        assert insert(table, data, decompress="1").code == code
        assert table.rows("SELECT count() FROM t") == ["0"]

    def test_answer(self, server):
        query = "SELECT number FROM numbers(400000)"
        assert unpack(server.query(query, compress="1").body) == server.query(query).body

    def test_blocks_in_another_coding(self, table):
        assert insert(table, gzip.compress(lz4_block(LINES)), "gzip", decompress="1").status == 200

    def test_error(self, server):
        answer = server.query("SELECT nothing", compress="1")
        assert unpack(answer.body).startswith(b"Code: 47.")


class TestOfficialClient:
    @pytest.fixture
    def client(self, server):
        import clickhouse_connect

        client = clickhouse_connect.get_client(host="127.0.0.1", port=server.port)
        yield client
        client.close()

    def test_rows(self, table, client):
        rows = [(number, f"text {number}") for number in range(50000)]
        assert client.insert("t", rows, column_names=["a", "s"]).written_rows == 50000
        assert client.query("SELECT a, s FROM t ORDER BY a").result_rows == rows
        assert client.command("SELECT sum(a) FROM t") == sum(range(50000))

    @pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
    def test_compression(self, table, compression):
        import clickhouse_connect

        client = clickhouse_connect.get_client(host="127.0.0.1", port=table.port, compress=compression)
        client.insert("t", [(1, "x")] * 1000, column_names=["a", "s"])
        assert client.query("SELECT count() FROM t WHERE a = {a:UInt32}", {"a": 1}).result_rows == [(1000,)]
        client.close()

    def test_stream_that_fails(self, client):
        failing = "SELECT number, throwIf(number = 600000) FROM numbers(700000)"
        settings = {"max_block_size": 1000, "max_threads": 1}
        with pytest.raises(Exception, match="395"):
            with client.query_row_block_stream(failing, settings=settings) as stream:
                for _ in stream:
                    pass

    def test_error(self, client):
        with pytest.raises(Exception, match="UNKNOWN_TABLE"):
            client.query("SELECT * FROM nothing")

    def test_json(self, client):
        assert json.loads(client.raw_query("SELECT 1 AS a", fmt="JSONEachRow")) == {"a": 1}
