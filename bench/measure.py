"""Running contestants on one core and keeping every number."""

import dataclasses
import os
import statistics
import subprocess
import time


@dataclasses.dataclass
class Contestant:
    """One program and its input. `lines` is what it reads; a slow one may get fewer and is compared per line."""

    name: str
    command: list
    stdin: str | None = None
    lines: int = 0
    environment: dict = dataclasses.field(default_factory=dict)
    prepare: object = None
    # A program that prints `seconds: N` on stderr is taken at its word: that leaves its start-up out.
    times_itself: bool = False
    samples: list = dataclasses.field(default_factory=list)

    @property
    def seconds(self):
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def memory(self):
        return max(sample.memory for sample in self.samples)

    @property
    def rate(self):
        return self.lines / self.seconds


@dataclasses.dataclass
class Sample:
    seconds: float
    wall: float
    cpu: float
    memory: int


def run(contestant, core):
    """One run, pinned to `core`, stdout thrown away: wall and CPU seconds, largest resident set in bytes."""
    if contestant.prepare:
        contestant.prepare()
    stdin = open(contestant.stdin, "rb") if contestant.stdin else subprocess.DEVNULL
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in contestant.command],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | contestant.environment,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if contestant.stdin:
        stdin.close()
    if process.returncode != 0:
        raise RuntimeError(f"{contestant.name}: status {process.returncode}: {said.strip()}")
    seconds = wall
    if contestant.times_itself:
        seconds = next(float(line.split(":")[1]) for line in said.splitlines() if line.startswith("seconds:"))
    return Sample(seconds, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def compete(contestants, rounds, core):
    """Round by round, one after the other, so that a change of the machine's mood meets all alike."""
    for contestant in contestants:
        run(contestant, core)  # brings files into the cache; not counted
    for _ in range(rounds):
        for contestant in contestants:
            contestant.samples.append(run(contestant, core))
