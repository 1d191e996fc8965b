"""Measures how long lines take through `k2-load --tee`, and through cat at the same time."""

import contextlib
import dataclasses
import hashlib
import itertools
import mmap
import multiprocessing
import os
import shutil
import subprocess
import sys
import time

from markdown import MEBIBYTE, table
from server import TABLE


@dataclasses.dataclass
class Passed:
    """What became of the lines that went through a program. Latencies in ns, line by line."""

    name: str
    latencies: list
    memory: int
    cpu: float

    def latency(self, part):
        """µs"""
        return quantile(self.latencies, part) / 1000


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@dataclasses.dataclass
class Tee:
    rate: int
    seconds: int
    stall: int
    passed: list
    # How far the writer was behind its clock at worst, ns.
    late: int

    @property
    def beyond(self):
        """What the first program adds to each line beyond the second, ns: the machine's own delays go out."""
        return [ours - theirs for ours, theirs in zip(*(p.latencies for p in self.passed), strict=True)]

    def added(self, part):
        """A quantile of `beyond`, µs."""
        return quantile(self.beyond, part) / 1000


class Pipe:
    """A program between a writer and a reader, who note when each line goes in and comes out."""

    def __init__(self, name, command, count, core, environment):
        self.name = name
        self.written, self.read = shared_numbers(count), shared_numbers(count)
        self.digest = multiprocessing.get_context("fork").Array("c", 64, lock=False)
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self.into, self.out = self.process.stdin.fileno(), self.process.stdout.fileno()

    def follow(self):
        """Reads all lines; those that come in one piece came at one time."""
        blocks, number = [], 0
        while block := os.read(self.out, 1 << 16):
            now = time.monotonic_ns()
            blocks.append(block)
            for _ in range(block.count(b"\n")):
                self.read[number] = now
                number += 1
        self.digest.value = hashlib.sha256(b"".join(blocks)).hexdigest().encode()

    def end(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise RuntimeError(f"{self.name}: status {self.process.returncode}")
        latencies = [out - into for into, out in zip(self.written, self.read, strict=True)]
        return Passed(self.name, latencies, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)


def shared_numbers(count):
    return memoryview(mmap.mmap(-1, count * 8)).cast("q")


def head(file, count):
    with open(file, "rb") as lines:
        yield from itertools.islice(lines, count)


def write_paced(file, count, pipes, rate, late):
    """Writes each line into all pipes when its time has come, first into the one, then into the other."""
    lines = list(head(file, count))
    start, step = time.monotonic_ns() + 100_000_000, 1_000_000_000 // rate
    orders = itertools.cycle([pipes, pipes[::-1]])
    for number, (line, order) in enumerate(zip(lines, orders, strict=False)):
        due = start + number * step
        while (wait := due - time.monotonic_ns()) > 0:
            time.sleep(wait / 1e9)
        late[0] = max(late[0], -wait)
        for pipe in order:
            pipe.written[number] = time.monotonic_ns()
            os.write(pipe.into, line)


def measure(tool, server, trades, folder, cores, rate, seconds, stall):
    """k2-load --tee and cat, side by side, get the same lines at the same time, while the server stands still for `stall` seconds."""
    server.start_over()
    count = rate * seconds
    spool = folder / "tee-spool"
    shutil.rmtree(spool, ignore_errors=True)
    pipes = [
        Pipe("k2-load --tee", [tool("k2-load"), "--tee", "--spool", spool], count, cores[1], server.environment),
        Pipe("cat", ["cat"], count, cores[1], {}),
    ]
    late = shared_numbers(1)

    def follow(pipe):
        for other in pipes:
            os.close(other.into)
        pipe.follow()

    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=follow, args=(pipe,)) for pipe in pipes]
    workers.append(fork.Process(target=write_paced, args=(trades, count, pipes, rate, late)))
    # They are the load, not what is measured: they share the server's core.
    with on_core(cores[0]):
        for worker in workers:
            worker.start()
    for pipe in pipes:
        pipe.process.stdin.close()
        pipe.process.stdout.close()
    time.sleep((seconds - stall) / 2)
    stand_still(server, stall)
    for worker in workers:
        worker.join()
    result = Tee(rate, seconds, stall, [pipe.end() for pipe in pipes], late[0])
    check_passed(server, pipes, trades, count)
    return result


@contextlib.contextmanager
def on_core(core):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stand_still(server, seconds):
    """Stalls the server, and makes sure that it does nothing meanwhile."""
    server.stall(seconds)
    # An insert comes every second.
    time.sleep(1.5)
    before = server.stats()["inserts"]
    time.sleep(max(0, seconds - 3))
    if server.stats()["inserts"] != before:
        sys.exit("bench: the server was to stand still, and inserted")


def check_passed(server, pipes, file, count):
    """All lines have to come out as they went in, and all rows have to be in ClickHouse."""
    digest = hashlib.sha256()
    for line in head(file, count):
        digest.update(line)
    for pipe in pipes:
        if pipe.digest.value != digest.hexdigest().encode():
            sys.exit(f"bench: {pipe.name} passed on something else than it got")
    rows = server.query(f"SELECT count() FROM {TABLE} FINAL")
    if rows != str(count):
        sys.exit(f"bench: {count} rows expected in ClickHouse after --tee, found {rows}")


def section(tee):
    rows = [
        [p.name, f"{len(p.latencies):,}", f"{p.latency(0.5):.0f} µs", f"{p.latency(0.99):.0f} µs", f"{p.latency(1) / 1000:.1f} ms",
         f"{p.cpu / tee.seconds:.1%}", f"{p.memory / MEBIBYTE:.0f} MiB"]
        for p in tee.passed
    ]  # fmt: skip
    beyond = tee.beyond
    rows.append(
        ["the former beyond the latter, by line", f"{len(beyond):,}", *(f"{quantile(beyond, part) / 1000:.0f} µs" for part in (0.5, 0.99)),
         f"{max(beyond) / 1e6:.1f} ms", "", ""]
    )  # fmt: skip
    return f"""{table([f"`--tee` at {tee.rate:,} lines/s", "lines", "p50", "p99", "slowest", "share of a core", "largest resident set"], rows)}

From before a line is written into the program to the moment when a reader has it, over {tee.seconds} s, with the server standing still for {tee.stall} s in the
middle. Both programs get each line at the same time, on one core; the writer and the readers share the server's. `cat` shows what the machine itself
adds; the writer was {tee.late / 1e6:.1f} ms behind its clock at worst. At the end all rows are in ClickHouse."""
