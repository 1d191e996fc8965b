"""Measures live capture: k2-feed live and a plain Python client, both fed by k2-sim serve over loopback."""

import dataclasses
import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT"]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Steady:
    """A run at a fixed rate. Latencies are from `received_at` to the moment the reader of stdout has the line, µs."""

    name: str
    seconds: float
    messages: int
    cpu: float
    memory: int
    latencies: list

    @property
    def share(self):
        return self.cpu / self.seconds

    def latency(self, part):
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(len(self.latencies) * part))]


@dataclasses.dataclass
class Fastest:
    """A run at the highest rate that the client takes, one core for the client."""

    name: str
    messages: int
    samples: list

    @property
    def rate(self):
        return statistics.median(self.samples)


class Exchange:
    """k2-sim serve binance on a core of its own."""

    def __init__(self, tool, core, trades, rate, seed=1):
        self.folder = tempfile.TemporaryDirectory()
        port = pathlib.Path(self.folder.name) / "port"
        command = [tool("k2-sim"), "serve", "binance", "--symbols", ",".join(SYMBOLS), "--trades", str(trades), "--rate", str(rate)]
        command += ["--seed", str(seed), "--port-file", str(port), "--no-rest-limits"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        while not port.exists() or not port.read_text().strip():
            time.sleep(0.01)
        self.port = port.read_text().strip()

    def stats(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/control/stats") as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def ours(tool):
    def command(exchange):
        folder = exchange.folder.name
        return [
            tool("k2-feed"), "live", "binance", "--symbols", ",".join(SYMBOLS),
            "--endpoint", f"ws://127.0.0.1:{exchange.port}", "--rest-endpoint", f"http://127.0.0.1:{exchange.port}",
            "--state", f"{folder}/state.json", "--spool", f"{folder}/spool",
        ]  # fmt: skip

    return "k2-feed live", command


def python_client():
    def command(exchange):
        url = f"ws://127.0.0.1:{exchange.port}/stream?timeUnit=MICROSECOND"
        return [sys.executable, str(PEERS / "live_client.py"), url, ",".join(SYMBOLS)]

    return "Python websockets", command


def start(command, core, stdout):
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {core}))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def read_latencies(pipe, latencies):
    """Notes when lines arrive. Only the last line of a block is timed exactly: it was the one waited for."""
    rest = b""
    while block := os.read(pipe, 1 << 16):
        now = time.time_ns() // 1000
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line.startswith(b'{"kind":"raw"') and b'"e":"trade"' in line:
                at = line.index(b'"received_at":"') + 15
                latencies.append(now - microseconds(line[at : at + 26].decode()))


def microseconds(text):
    time_of_day = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=datetime.timezone.utc)
    return int(time_of_day.timestamp()) * 1_000_000 + time_of_day.microsecond


def steady(contestant, tool, cores, rate, seconds):
    name, command = contestant
    latencies = []
    with Exchange(tool, cores[0], rate * seconds, rate) as exchange:
        readable, writable = os.pipe()
        process = start(command(exchange), cores[1], writable)
        os.close(writable)
        reader = threading.Thread(target=read_latencies, args=(readable, latencies))
        reader.start()
        while exchange.stats()["trades"] < rate:
            time.sleep(0.05)
        began, cpu = time.monotonic(), cpu_seconds(process.pid)
        while not exchange.stats()["finished"]:
            time.sleep(0.2)
        elapsed, used = time.monotonic() - began, cpu_seconds(process.pid) - cpu
        memory = peak_memory(process.pid)
        stop(process)
        reader.join()
        os.close(readable)
    return Steady(name, elapsed, len(latencies), used, memory, latencies)


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


def fastest(contestant, tool, cores, messages, rounds):
    """Messages a second of wall time, from the first trade to the last line, stdout to /dev/null."""
    name, command = contestant
    result = Fastest(name, messages, [])
    for round_number in range(rounds):
        with Exchange(tool, cores[0], messages, "max", seed=round_number + 1) as exchange:
            with open(os.devnull, "wb") as nothing:
                process = start(command(exchange), cores[1], nothing)
                while exchange.stats()["trades"] == 0:
                    time.sleep(0.005)
                first, at = exchange.stats()["trades"], time.monotonic()
                while not exchange.stats()["finished"]:
                    time.sleep(0.02)
                wait_until_idle(process.pid)
                result.samples.append((messages - first) / (time.monotonic() - at))
                stop(process)
    return result


def wait_until_idle(pid):
    """The exchange has sent its last message: the client is done when it uses no more time."""
    used = cpu_seconds(pid)
    while True:
        time.sleep(0.05)
        now = cpu_seconds(pid)
        if now - used < 0.02:
            return
        used = now


def measure(tool, cores, seconds=60, rate=5_000, messages=1_000_000, peer_messages=100_000, rounds=3):
    contestants = [ours(tool), python_client()]
    at_rate = [steady(c, tool, cores, rate, seconds) for c in contestants]
    at_most = [fastest(c, tool, cores, messages if c is contestants[0] else peer_messages, rounds) for c in contestants]
    return at_rate, at_most


if __name__ == "__main__":
    folder = pathlib.Path(os.environ.get("K2_BIN", "."))
    a, b = measure(lambda name: str(folder / name), (0, 1), seconds=int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    for s in a:
        print(s.name, f"{s.share:.1%} of a core, {s.memory >> 20} MiB, {s.messages} messages, p50 {s.latency(0.5)} µs, p99 {s.latency(0.99)} µs")
    for f in b:
        print(f.name, f"{f.rate:,.0f} messages/s", [round(x) for x in f.samples])
