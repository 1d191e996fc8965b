"""When rows come: late, while a run reads, at the very boundary, and under clocks that are set. All of them go cold, once."""

import datetime
import json
import os
import random
import threading

import pytest

from load_process import lines
from load_proxy import Fault, Proxy
from offload_process import Offload, problems
from offload_slices import time_text, trade
from pipeline import Lake

SEED = int(os.environ.get("K2_FAULT_SEED", "1"))
SILVER = ["silver_trades"]
ONLY = ["--tables", "silver_trades"]


@pytest.fixture
def offload(store, tmp_path):
    return Offload(store, Lake(tmp_path / "lake", None))


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def insert(store, numbers, loaded_at):
    """Trades that ClickHouse got at a time of our choice."""
    body = "\n".join(json.dumps(trade(number) | {"loaded_at": time_text(loaded_at)}) for number in numbers).encode()
    settings = {"database": store.database, "date_time_input_format": "best_effort", "max_partitions_per_insert_block": 0}
    answer = store.server.query("INSERT INTO silver_trades FORMAT JSONEachRow", body, **settings)
    assert answer.status == 200, answer.text


def watermark(offload):
    text = offload.status()["silver_trades"]["watermark"]
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")


def test_rows_at_the_boundary(offload):
    """The watermark's own microsecond was read already when rows with that stamp become visible."""
    insert(offload.store, range(1, 11), now() - datetime.timedelta(hours=1))
    offload.run(*ONLY)
    edge = watermark(offload)
    for number, distance in enumerate([-1, 0, 0, 1]):
        insert(offload.store, range(100 + 10 * number, 105 + 10 * number), edge + datetime.timedelta(microseconds=distance))
    said = offload.run(*ONLY)
    assert "20 rows added, 15 of them late" in said
    assert "rows added" not in offload.run(*ONLY)
    assert problems(offload, SILVER) == []


def test_rows_loaded_during_the_run(offload):
    """Before and after each request of a run some more rows come, with the clock's own stamps."""
    offload.store.load(lines(0, 3000), "--spool", offload.lake.folder.parent / "spool")
    first = iter(range(10_000, 1_000_000, 10))
    with Proxy(offload.store.server) as proxy:

        def more():
            start = next(first)
            insert(offload.store, range(start, start + 7), now())

        proxy.choose = lambda request: Fault(before=more, after=more)
        for _ in range(3):
            Offload(offload.store, offload.lake, port=proxy.port).run(*ONLY, "--max-rows", 1000)
    assert offload.store.count() > 3000 + 3 * 7 * 8
    offload.run(*ONLY)
    assert problems(offload, SILVER) == []


def test_rows_are_loaded_all_the_time(offload):
    """Loads, runs of one table beside each other, and no pause between them."""
    ended = threading.Event()
    spool = offload.lake.folder.parent / "spool"

    def load():
        for number in range(12):
            offload.store.load(lines(number * 500, 500), "--spool", spool, "--batch-rows", 100)
        ended.set()

    loading = threading.Thread(target=load)
    loading.start()
    while not ended.is_set():
        offload.run(*ONLY)
    loading.join()
    offload.run(*ONLY)
    assert problems(offload, SILVER) == []


@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
def test_clocks_that_are_set(offload, seed):
    """ClickHouse's clock goes its own way: what it says of now, and what it stamps rows with."""
    source = random.Random(seed)
    offset = datetime.timedelta()
    numbers = iter(range(1, 100_000))
    with Proxy(offload.store.server) as proxy:

        def clock(request):
            if "now64" not in request.text:
                return None
            return Fault(answer=(200, {"X-ClickHouse-Query-Id": "clock"}, f"{int((now() + offset - datetime.datetime(1970, 1, 1)).total_seconds() * 1_000_000)}\n".encode()))

        proxy.choose = clock
        skewed = Offload(offload.store, offload.lake, port=proxy.port)
        for _ in range(10):
            for _ in range(source.randint(0, 3)):
                # Some become visible some minutes after their stamp.
                late = datetime.timedelta(seconds=source.choice([0, 0, 0, 100, 600]))
                insert(offload.store, [next(numbers) for _ in range(source.randint(1, 20))], now() + offset - late)
            skewed.run(*ONLY, "--max-rows", 1000)
            if source.random() < 0.5:
                offset += datetime.timedelta(seconds=source.randint(-7200, 5400))
        # Wherever the clock is by now, what it stamped is found.
        skewed.run(*ONLY)
        assert "rows added" not in skewed.run(*ONLY)
    assert problems(offload, SILVER) == [], f"seed {seed}"
