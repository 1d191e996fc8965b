"""`k2-offload run` into every catalog and store: the lake equals ClickHouse, also when a process or a server dies on the way."""

import os
import random

import pytest

from expectations import COLUMNS
from lake_places import PLACES, READERS, PlacedLake
from load_process import lines
from object_store import ObjectStore
from offload_process import Offload, problems
from postgres_server import Postgres

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
RUNS = int(os.environ.get("K2_FAULT_RUNS", "20"))
SILVER = ["silver_trades"]
ONLY = ["--tables", "silver_trades"]
WAREHOUSES = [f"warehouse-{number}" for number in range(6)]


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    with ObjectStore(tmp_path_factory.mktemp("objects"), table_buckets=WAREHOUSES) as running:
        yield running


@pytest.fixture(scope="module")
def database():
    with Postgres() as running:
        yield running


@pytest.fixture(scope="module")
def names():
    return iter(WAREHOUSES)


@pytest.fixture(params=PLACES, ids="-".join)
def offload(request, store, tmp_path, objects, database, names):
    catalog, kind = request.param
    name = next(names) if catalog == "rest" else f"t{abs(hash(request.node.name)) % 10**9}"
    if catalog == "postgres":
        database.create(name)
    return Offload(store, PlacedLake(tmp_path / "lake", name, catalog, kind, objects, database))


def load(offload, data, *arguments):
    offload.store.load(data, "--spool", offload.lake.folder.parent / "spool", *arguments)


def test_eleven_tables(offload, lake):
    load(offload, lake.stream.read_bytes())
    offload.run()
    assert problems(offload, readers=READERS) == []
    said = offload.run()
    assert "rows added" not in said and len(said.splitlines()) == len(COLUMNS)


def test_killed_anywhere(offload):
    source = random.Random(f"{SEED} {offload.lake.catalog} {offload.lake.store}")
    first = 0
    for _ in range(RUNS):
        count = source.randrange(50, 2500)
        load(offload, lines(first, count))
        first += count
        offload.kill_after(source.uniform(0.02, 0.5), "--max-rows", 1000, *ONLY)
        if source.random() < 0.2:
            offload.run(*ONLY, "--max-rows", 1000)
            assert problems(offload, SILVER, READERS[:1]) == [], f"seed {SEED}"
    offload.run(*ONLY)
    assert problems(offload, SILVER, READERS) == [], f"seed {SEED}"
    assert offload.status()["silver_trades"]["open_intents"] == 0
