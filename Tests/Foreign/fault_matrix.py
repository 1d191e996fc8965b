"""Runs many disturbed runs of a program side by side: chains of them, each chain in a lake of its own, whole runs in between."""

import copy
import dataclasses
import os
import pathlib
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from lake_places import PlacedLake
from turn_proxy import FAULTS, NEEDS_HTTP, TurnProxy
from write_faults import WriteFault

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
WORKERS = int(os.environ.get("K2_MATRIX_WORKERS", str((os.cpu_count() or 2) + 1)))
# Steps of a run that is not disturbed are counted; a disturbed one may have some more.
MORE = 6
# Disturbed runs of one lake.
LENGTH = 12


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """`where`: "writes" (of the program itself), or the server whose `step`-th turn is spoiled; `what`: as in `write_faults.c` or `turn_proxy`."""

    where: str
    what: str
    step: int

    def __str__(self):
        return f"{self.what} at {self.where} {self.step}"


@dataclasses.dataclass(frozen=True)
class Chain:
    """A lake, and what happens to it: each member of `disturbances` is a list of disturbed runs that come before a whole one.

    `work` is what is disturbed: tables that are offloaded, or verbs of maintenance in turn.
    """

    catalog: str
    store: str
    work: tuple
    disturbances: tuple
    # The disturbed runs meet tables that are there already.
    is_prepared: bool = True
    # Names the lake: chains behind the REST server are counted apart.
    name: str = ""


@dataclasses.dataclass
class Run:
    """One disturbed run. `steps`: those that were counted, by place; "files" are the calls at files one by one."""

    hit: bool
    status: int
    steps: dict
    said: str


@dataclasses.dataclass
class Outcome:
    """What disturbed runs and a whole one came to."""

    chain: Chain
    # What of the chain's work was disturbed.
    work: str
    disturbances: tuple
    runs: list = dataclasses.field(default_factory=list)
    problem: str = None

    def __str__(self):
        chain = self.chain
        kind = "" if chain.is_prepared else ", first runs"
        return f"{chain.catalog}-{chain.store} {self.work}{kind}: {', '.join(map(str, self.disturbances))}: {self.problem}"


@dataclasses.dataclass
class Setting:
    """What workers need to know. `servers` are copies without their processes: PostgreSQL and the store with its REST catalog."""

    folder: pathlib.Path
    environment: dict
    clickhouse: int
    objects: object
    postgres: object
    library: pathlib.Path

    @staticmethod
    def without_process(server):
        server = copy.copy(server)
        server.process = None
        return server


# In a worker -------------------------------------------------------------------------------------------------

_worker = None


class Worker:
    """Proxies in front of all servers, and one chain after the other. What a chain is, is for those that inherit from it: `run`."""

    def __init__(self, setting):
        self.setting = setting
        address = lambda url: ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        targets = {
            "clickhouse": ("127.0.0.1", setting.clickhouse),
            "s3": address(setting.objects.s3),
            "rest": address(setting.objects.catalog),
            "postgres": ("127.0.0.1", setting.postgres.port),
        }
        self.proxies = {name: TurnProxy(target) for name, target in targets.items()}

    def close(self):
        for proxy in self.proxies.values():
            proxy.close()

    def place(self, chain):
        """A lake whose programs go through the proxies; readers of the tests do not."""
        setting = self.setting
        folder = setting.folder / chain.name
        folder.mkdir()
        place = PlacedLake(folder, chain.name, chain.catalog, chain.store, setting.objects, setting.postgres)
        if chain.catalog == "postgres":
            setting.postgres.create(place.name)
            place.catalog_url = place.database.url_of(place.name).replace(f":{setting.postgres.port}/", f":{self.proxies['postgres'].port}/")
        if chain.catalog == "rest":
            place.catalog_url = f"http://127.0.0.1:{self.proxies['rest'].port}"
        place.s3_url = f"http://127.0.0.1:{self.proxies['s3'].port}"
        return place

    def clickhouse_url(self, database):
        return f"http://127.0.0.1:{self.proxies['clickhouse'].port}/{database}"

    def disturbed(self, folder, disturbance, start, end):
        """A run that `start` begins with faults in its environment, and `end` waits for; the disk's faults lie below `folder`."""
        report, is_kill = folder / "report", disturbance.what in ("kill", "count")
        action, step, under = "count", 0, None
        if disturbance.where == "writes":
            action, step, under = disturbance.what, disturbance.step, None if is_kill else folder
        fault = WriteFault(self.setting.library, report, action, step, under, merged=is_kill)
        running = []
        for name, proxy in self.proxies.items():
            chosen = name == disturbance.where
            proxy.arm(disturbance.what if chosen else None, disturbance.step if chosen else 0, kill=lambda: running[0].kill())
        running.append(start(fault.environment))
        status, said = end(running[0])
        writes, files = fault.counts
        steps = {name: proxy.turns for name, proxy in self.proxies.items()} | {"writes": writes, "files": files}
        hit = any(proxy.hit for proxy in self.proxies.values()) or steps["writes"] >= step > 0
        for proxy in self.proxies.values():
            proxy.arm()
        return Run(hit, status, steps, said)


def _start(make, setting):
    global _worker
    os.chdir("/")
    _worker = make(setting)


def _run(chain):
    return _worker.run(chain)


# In the test -------------------------------------------------------------------------------------------------


class Matrix:
    """Workers of a kind that live as long as the tests that share them."""

    def __init__(self, worker, setting):
        self._pool = ProcessPoolExecutor(WORKERS, get_context("spawn"), _start, (worker, setting))
        self._counts = Counter()
        self.setting = setting

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown(cancel_futures=True)

    def run(self, chains):
        """All outcomes."""
        named = []
        for chain in chains:
            kind = "rest" if chain.catalog == "rest" else "chain"
            self._counts[kind] += 1
            named.append(dataclasses.replace(chain, name=f"{kind}-{self._counts[kind]}"))
        # The longest first: no worker stands idle at the end.
        named.sort(key=lambda chain: -len(chain.disturbances))
        return [outcome for outcomes in self._pool.map(_run, named) for outcome in outcomes]


def warehouses(count):
    """Names of lakes behind the REST server, as `Matrix` gives them."""
    return [f"rest-{number}" for number in range(1, count + 1)]


def chains(catalog, store, work, disturbances, length=LENGTH, is_prepared=True):
    """Single disturbances laid out over chains of at most `length`."""
    return [
        Chain(catalog, store, work, tuple((one,) for one in disturbances[start : start + length]), is_prepared)
        for start in range(0, len(disturbances), length)
    ]


def check(outcomes):
    """All problems at once: what they have in common says most."""
    bad = [str(outcome) for outcome in outcomes if outcome.problem]
    assert not bad, f"seed {SEED}, {len(bad)} of {len(outcomes)}:\n" + "\n".join(bad[:5])
    return outcomes


def sample(steps, share, kind):
    """Of all steps about `share`, evenly spread, beginning anywhere."""
    width = max(1, round(1 / min(share, 1)))
    return range(1 + random.Random(f"{SEED} {kind}").randrange(width), steps + 1, width)


def servers_of(place):
    """The servers that a lake needs; of the state store too."""
    catalog, store = place
    return [*(("postgres",) if catalog == "postgres" else ()), *(("rest",) if catalog == "rest" else ()), *(("s3",) if store == "s3" else ())]


def faults_of(server):
    return [what for what in FAULTS if server != "postgres" or what not in NEEDS_HTTP]


def draw(source, counts):
    """A disturbance of any kind. `counts`: steps by place; `files`: the calls at files one by one."""
    where = source.choice([*(where for where, count in counts.items() if count and where != "files"), "writes"])
    if where != "writes":
        return Disturbance(where, source.choice(faults_of(where)), source.randint(1, counts[where] + 2))
    what = source.choice(["kill", "kill", "error", "full"])
    return Disturbance("writes", what, source.randint(1, (counts["writes"] if what == "kill" else counts["files"]) + MORE))
