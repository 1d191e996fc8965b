"""The crash matrix of maintenance: a kill between any two writes, a failing disk, every server failing at each of its turns; then a whole run.

After each disturbed run the table reads as before, in every snapshot that is there. After the whole one the work is done, nothing is open, and the
search for orphans finds exactly what nothing names. K2_MATRIX_RUNS is about how many disturbed runs are made (all steps of all faults when it is
large), K2_FAULT_SEED chooses among them.
"""

import os
import random

import pytest

from clickhouse_server import ClickHouse
from fault_matrix import LENGTH, SEED, Chain, Disturbance, Matrix, check, draw, faults_of, sample, servers_of, warehouses
from lake_places import FOLDERS, PLACES
from load_process import Store
from maintain_matrix import MaintainSetting, MaintainWorker
from maintain_work import KINDS
from object_store import ObjectStore
from offload_slices import Slices
from postgres_server import Postgres
from write_faults import library

PLACES = [*PLACES, *FOLDERS]
RUNS = int(os.environ.get("K2_MATRIX_RUNS", "240"))
SLICES = 3
# ClickHouse's engine takes most of the time of those that ask it.
ASKING = ("audit-repair", "run")
# Of the disturbed runs.
SHARES = {"kills": 0.4, "disk": 0.15, "servers": 0.3, "mixtures": 0.15}


@pytest.fixture(scope="module")
def matrix(tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    with (
        ClickHouse(folder / "warm") as server,
        ObjectStore(folder / "objects", table_buckets=warehouses(60 + RUNS // 8)) as objects,
        Postgres() as postgres,
    ):
        store = Store(tools, server, "matrix", folder)
        store.init("--ttl", "none")
        Slices.fill(store, SLICES)
        with Matrix(MaintainWorker, MaintainSetting.of(folder, store, objects, postgres, library())) as running:
            yield running


@pytest.fixture(scope="module")
def steps(matrix):
    """Steps of runs that are not disturbed, by place of the lake and verb; then by place of the step."""
    verbs, none = tuple(KINDS), (Disturbance("writes", "count", 0),)
    parts = [verbs[start::3] for start in range(3)]
    outcomes = check(matrix.run([Chain(*place, part, (none,) * len(part)) for place in PLACES for part in parts]))
    return {((outcome.chain.catalog, outcome.chain.store), outcome.work): outcome.runs[0].steps for outcome in outcomes}


def run(matrix, kind, faults):
    """`faults`: place of the lake, verb, how many steps there are, and what makes a disturbance of one; about so many are made as is the share of `kind`."""
    # No verb takes all because it has very many steps.
    weights = [min(count, 100) * (0.3 if verb in ASKING else 1) for _, verb, count, _ in faults]
    laid = {}
    for number, ((place, verb, count, make), weight) in enumerate(zip(faults, weights)):
        if count:
            share = RUNS * SHARES[kind] * weight / sum(weights) / count
            laid.setdefault(place, []).extend((verb, make(step)) for step in sample(count, share, (kind, number)))
    outcomes = check(matrix.run([chain for place, items in laid.items() for chain in chains(place, items)]))
    print(f"seed {SEED}: {len(outcomes)} disturbed runs")
    return outcomes


def chains(place, items):
    """Single disturbances of verbs laid out over lakes."""
    random.Random(SEED).shuffle(items)
    parts = [items[start : start + LENGTH] for start in range(0, len(items), LENGTH)]
    return [Chain(*place, tuple(verb for verb, _ in part), tuple((disturbance,) for _, disturbance in part)) for part in parts]


def test_killed_between_any_two_writes(matrix, steps):
    kill = lambda step: Disturbance("writes", "kill", step)
    outcomes = run(matrix, "kills", [(place, verb, counts["writes"], kill) for (place, verb), counts in steps.items()])
    ends = [outcome.runs[0] for outcome in outcomes]
    assert all(end.status == -9 for end in ends if end.hit)
    assert sum(end.hit for end in ends) >= len(ends) * 0.9


def test_the_disk_fails(matrix, steps):
    """One call fails, or all that need room from one on: at data and metadata files, at catalog and state store in SQLite."""
    makers = [lambda step, what=what: Disturbance("writes", what, step) for what in ("error", "full")]
    run(matrix, "disk", [(place, verb, counts["files"], make) for (place, verb), counts in steps.items() if place[1] == "local" for make in makers])


def test_a_server_fails(matrix, steps):
    """At each of its turns, in each way."""
    faults = [
        (place, verb, counts[server], lambda turn, server=server, what=what: Disturbance(server, what, turn))
        for (place, verb), counts in steps.items()
        for server in (*servers_of(place), *(("clickhouse",) if verb in ASKING else ()))
        for what in faults_of(server)
    ]
    run(matrix, "servers", faults)


def test_mixtures(matrix, steps):
    """Disturbed runs after disturbed runs, of all kinds."""
    source = random.Random(SEED)
    drawn, count = [], 0
    while count < RUNS * SHARES["mixtures"]:
        chain = mixture(source, steps)
        drawn.append(chain)
        count += sum(map(len, chain.disturbances))
    outcomes = check(matrix.run(drawn))
    print(f"seed {SEED}: {sum(len(outcome.runs) for outcome in outcomes)} disturbed runs")


def mixture(source, steps):
    place = source.choice(PLACES)
    verbs = tuple(source.choices([*KINDS], [1 if verb in ASKING else 2 for verb in KINDS], k=source.randint(2, 6)))
    groups = [tuple(draw(source, steps[place, verb]) for _ in range(source.randint(1, 4))) for verb in verbs]
    return Chain(*place, verbs, tuple(groups))
