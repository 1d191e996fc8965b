"""The crash matrix: a kill between any two writes, every server failing at each of its turns, answers that are lost; then a whole run.

After it the lake has the rows of ClickHouse, each once, no data file without a snapshot, no open intent. K2_MATRIX_RUNS is about how many
disturbed runs are made (all steps of all faults when it is large), K2_FAULT_SEED chooses among them.
"""

import os
import random

import pytest

from clickhouse_server import ClickHouse
from fault_matrix import MORE, SEED, Chain, Disturbance, Matrix, chains, check, draw, faults_of, sample, servers_of, warehouses
from lake_places import PLACES
from load_process import Store
from object_store import ObjectStore
from offload_matrix import OffloadSetting, OffloadWorker
from offload_slices import GOLD, SILVER, Slices
from postgres_server import Postgres
from write_faults import library

RUNS = int(os.environ.get("K2_MATRIX_RUNS", "500"))
SLICES = 24
# Of steps that are not gone through one by one.
SHARE = RUNS / 8000
IDS = "-".join


@pytest.fixture(scope="module")
def matrix(tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    with (
        ClickHouse(folder / "warm") as server,
        ObjectStore(folder / "objects", table_buckets=warehouses(80 + RUNS // 8)) as objects,
        Postgres() as postgres,
    ):
        store = Store(tools, server, "matrix", folder)
        store.init("--ttl", "none")
        slices = Slices.fill(store, SLICES)
        with Matrix(OffloadWorker, OffloadSetting.of(folder, store, objects, postgres, library(), slices)) as running:
            running.servers = {"postgres": postgres, "s3": objects}
            yield running


@pytest.fixture(scope="module")
def steps(matrix):
    """Steps of runs that are not disturbed, by place of the lake, table and whether tables are there already; then by place of the step."""
    none = ((Disturbance("writes", "count", 0),),)
    kinds = [(place, table, is_prepared) for place in PLACES for table in (SILVER, GOLD) for is_prepared in (True, False)]
    outcomes = check(matrix.run([Chain(*place, (table,), none, is_prepared) for place, table, is_prepared in kinds]))
    return {((chain.catalog, chain.store), *chain.work, chain.is_prepared): outcome.runs[0].steps for outcome in outcomes for chain in [outcome.chain]}


# Each catalog and each store: here no step is left out.
WHOLE = [("sqlite", "local"), ("postgres", "s3"), ("rest", "s3")]


@pytest.mark.parametrize("place", WHOLE, ids=IDS)
def test_killed_between_any_two_writes(matrix, steps, place):
    """Every step of a run, until one goes through untouched."""
    first, last = 1, steps[place, SILVER, True]["writes"] + MORE
    while True:
        kills = [Disturbance("writes", "kill", step) for step in range(first, last + 1)]
        outcomes = check(matrix.run(chains(*place, (SILVER,), kills)))
        ends = {outcome.disturbances[0].step: outcome.runs[0] for outcome in outcomes}
        assert all(run.status == -9 for run in ends.values() if run.hit)
        if not ends[last].hit:
            break
        first, last = last + 1, last + MORE
    assert first > 1 or sum(run.hit for run in ends.values()) >= len(ends) - 4 * MORE


@pytest.mark.parametrize("place", [place for place in PLACES if place not in WHOLE], ids=IDS)
def test_killed_at_some_steps(matrix, steps, place):
    kills = [Disturbance("writes", "kill", step) for step in sample(steps[place, SILVER, True]["writes"], 3 * SHARE, place)]
    check(matrix.run(chains(*place, (SILVER,), kills)))


@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_killed_while_candles_are_replaced(matrix, steps, place):
    kills = [Disturbance("writes", "kill", step) for step in sample(steps[place, GOLD, True]["writes"], SHARE, place)]
    check(matrix.run(chains(*place, (GOLD,), kills)))


@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_killed_while_everything_is_made(matrix, steps, place):
    """State store, namespace and tables."""
    kills = [Disturbance("writes", "kill", step) for step in sample(steps[place, SILVER, False]["writes"], SHARE, place)]
    check(matrix.run(chains(*place, (SILVER,), kills, 1, is_prepared=False)))


@pytest.mark.parametrize("what", ["error", "full"])
@pytest.mark.parametrize("place", [("sqlite", "local"), ("postgres", "local")], ids=IDS)
def test_the_disk_fails(matrix, steps, place, what):
    """One call fails, or all that need room from one on: at data and metadata files, at catalog and state store in SQLite."""
    for table in (SILVER, GOLD):
        faults = [Disturbance("writes", what, step) for step in sample(steps[place, table, True]["files"], SHARE / 2, (place, what, table))]
        check(matrix.run(chains(*place, (table,), faults)))


def servers():
    for catalog, store in PLACES:
        for server in ("clickhouse", *servers_of((catalog, store))):
            yield (catalog, store), server


@pytest.mark.parametrize(("place", "server"), [*servers()], ids=lambda value: value if isinstance(value, str) else IDS(value))
def test_a_server_fails(matrix, steps, place, server):
    """At each of its turns, in each way."""
    faults = []
    for what in faults_of(server):
        turns = steps[place, SILVER, True][server]
        # Object store and REST catalog have few turns, PostgreSQL many.
        share = SHARE / 3 if server == "postgres" else SHARE if server == "clickhouse" else 4 * SHARE
        faults += [Disturbance(server, what, turn) for turn in sample(turns, share, (place, server, what))]
    check(matrix.run(chains(*place, (SILVER,), faults)))


@pytest.mark.parametrize(("server", "times"), [("postgres", 5), ("s3", 2)])
def test_a_server_is_killed(matrix, steps, server, times):
    """Not the way to it: `kill -9` of the server itself, which comes up again on its data."""
    worker = OffloadWorker(matrix.setting)
    place = ("postgres", "s3")
    world = worker.world(Chain(*place, (SILVER,), (), name=f"killed-{server}"))
    assert worker.whole(world, 0) is None
    source, turns = random.Random(SEED), steps[place, SILVER, True][server]

    def restart():
        matrix.servers[server].kill()
        matrix.servers[server].start()

    try:
        for number in range(1, times + 1):
            turn = source.randint(1, turns - 2)
            worker.proxies[server].arm("killed", turn, kill=restart)
            status, said = world.run(number)
            assert worker.proxies[server].hit and status in {0, 75, 76}, f"turn {turn}: {status}: {said}"
            worker.proxies[server].arm()
            world.reconnect()
            assert worker.whole(world, number) is None, f"turn {turn}"
    finally:
        worker.close()


def test_mixtures(matrix, steps):
    """Disturbed runs after disturbed runs, of all kinds, over one table and two: also what settles a batch is disturbed."""
    source = random.Random(SEED)
    drawn = [mixture(source, steps) for _ in range(max(2, RUNS // 80))]
    outcomes = check(matrix.run(drawn))
    print(f"seed {SEED}: {sum(len(outcome.runs) for outcome in outcomes)} disturbed runs")


def mixture(source, steps):
    place = source.choice(PLACES)
    tables = source.choice([(SILVER,), (GOLD,), (SILVER, GOLD)])
    is_prepared = source.random() < 0.6
    counts = {}
    for table in tables:
        for where, count in steps[place, table, is_prepared].items():
            counts[where] = counts.get(where, 0) + count
    groups = tuple(tuple(draw(source, counts) for _ in range(source.randint(1, 4))) for _ in range(source.randint(2, 6)))
    return Chain(*place, tables, groups, is_prepared)
