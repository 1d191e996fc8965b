"""`k2-offload run` into every catalog and store: the lake equals ClickHouse, also when a process or a server dies on the way."""

import os
import random

import pytest

from expectations import COLUMNS
from lake_places import PLACES, READERS
from load_process import lines
from offload_process import Offload, problems

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
RUNS = int(os.environ.get("K2_FAULT_RUNS", "20"))
SILVER = ["silver_trades"]
ONLY = ["--tables", "silver_trades"]


@pytest.fixture(params=PLACES, ids="-".join)
def offload(request, store, tmp_path, places):
    return Offload(store, places.lake(tmp_path / "lake", *request.param))


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
