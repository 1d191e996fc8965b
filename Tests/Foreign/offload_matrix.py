"""Runs many disturbed offloads side by side: chains of runs, each chain in a lake of its own, each disturbed run followed by a whole one."""

import copy
import dataclasses
import os
import pathlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from lake_places import PlacedLake
from offload_slices import Slices
from offload_world import World
from turn_proxy import TurnProxy
from write_faults import WriteFault


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
    """A lake, and what happens to it: each member of `disturbances` is a list of disturbed runs that come before a whole one."""

    catalog: str
    store: str
    tables: tuple
    disturbances: tuple
    # The disturbed runs meet tables that are there already.
    is_prepared: bool = True
    # Names the lake: chains behind the REST server are counted apart.
    name: str = ""


@dataclasses.dataclass
class Run:
    """One disturbed run. `steps`: those that were counted, by place."""

    hit: bool
    status: int
    steps: dict
    said: str


@dataclasses.dataclass
class Outcome:
    """What disturbed runs and a whole one came to."""

    chain: Chain
    disturbances: tuple
    runs: list
    problem: str = None

    def __str__(self):
        chain = self.chain
        kind = "" if chain.is_prepared else ", first runs"
        return f"{chain.catalog}-{chain.store} {'+'.join(chain.tables)}{kind}: {', '.join(map(str, self.disturbances))}: {self.problem}"


@dataclasses.dataclass
class Setting:
    """What workers need to know. Servers are copies without their processes."""

    folder: pathlib.Path
    program: str
    environment: dict
    clickhouse: int
    database: str
    objects: object
    postgres: object
    library: pathlib.Path
    slices: Slices

    @classmethod
    def of(cls, folder, store, objects, postgres, library, slices):
        objects, postgres = copy.copy(objects), copy.copy(postgres)
        objects.process = postgres.process = None
        program = store.tools.path("k2-offload")
        return cls(folder, program, store.environment(), store.server.port, store.database, objects, postgres, library, slices)


# In a worker -------------------------------------------------------------------------------------------------

_worker = None


class Worker:
    """Proxies in front of all servers, and one chain after the other."""

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

    def world(self, chain):
        setting = self.setting
        folder = setting.folder / chain.name
        folder.mkdir()
        place = PlacedLake(folder, chain.name, chain.catalog, chain.store, setting.objects, setting.postgres)
        if chain.catalog == "postgres":
            create_database(setting.postgres, place.name)
            place.catalog_url = place.database.url_of(place.name).replace(f":{setting.postgres.port}/", f":{self.proxies['postgres'].port}/")
        if chain.catalog == "rest":
            place.catalog_url = f"http://127.0.0.1:{self.proxies['rest'].port}"
        place.s3_url = f"http://127.0.0.1:{self.proxies['s3'].port}"
        url = f"http://127.0.0.1:{self.proxies['clickhouse'].port}/{setting.database}"
        return World(setting.program, setting.slices, place, chain.tables, setting.environment | {"K2_CLICKHOUSE_URL": url})

    def run(self, chain):
        world = self.world(chain)
        number, outcomes = 0, []
        if chain.is_prepared:
            self.whole(world, number)
        for disturbances in chain.disturbances:
            number += chain.is_prepared
            outcome = Outcome(chain, disturbances, [])
            outcomes.append(outcome)
            for disturbance in disturbances:
                outcome.runs.append(self.disturbed(world, number, disturbance))
            outcome.problem = status_problem(outcome.runs) or self.whole(world, number)
            if outcome.problem:
                break
            number += not chain.is_prepared
        return outcomes

    def disturbed(self, world, number, disturbance):
        report, is_kill = world.place.folder / "report", disturbance.what in ("kill", "count")
        action, step, under = "count", 0, None
        if disturbance.where == "writes":
            action, step, under = disturbance.what, disturbance.step, None if is_kill else world.place.folder
        fault = WriteFault(self.setting.library, report, action, step, under, merged=is_kill)
        running = []
        for name, proxy in self.proxies.items():
            chosen = name == disturbance.where
            proxy.arm(disturbance.what if chosen else None, disturbance.step if chosen else 0, kill=lambda: running[0].kill())
        running.append(world.start(number, "--retries", "1", faults=fault.environment))
        status, said = world.end(running[0])
        steps = {name: proxy.turns for name, proxy in self.proxies.items()} | {"writes": fault.steps[0]}
        hit = any(proxy.hit for proxy in self.proxies.values()) or steps["writes"] >= step > 0
        for proxy in self.proxies.values():
            proxy.arm()
        return Run(hit, status, steps, said)

    def whole(self, world, number):
        status, said = world.run(number)
        if status != 0:
            return f"the run afterwards ended with {status}: {said}"
        return world.problem(number)


def status_problem(runs):
    for run in runs:
        if run.status not in World.ALLOWED:
            return f"a disturbed run ended with {run.status}: {run.said}"
    return None


def create_database(postgres, name):
    import psycopg2

    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    connection.cursor().execute(f'CREATE DATABASE "{name}"')
    connection.close()


def _start(setting):
    global _worker
    os.chdir("/")
    _worker = Worker(setting)


def _run(chain):
    return _worker.run(chain)


# In the test -------------------------------------------------------------------------------------------------


class Matrix:
    """Workers that live as long as the tests that share them."""

    def __init__(self, setting, workers):
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (setting,))
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


def chains(catalog, store, tables, disturbances, length, is_prepared=True):
    """Single disturbances laid out over chains of at most `length`."""
    return [
        Chain(catalog, store, tables, tuple((one,) for one in disturbances[start : start + length]), is_prepared)
        for start in range(0, len(disturbances), length)
    ]
