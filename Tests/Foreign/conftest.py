"""Fixtures: the built tools, and lakes made with them from simulated recordings."""

import os
import pathlib

import pytest

from clickhouse_server import ClickHouse
from lake_places import Places
from load_process import Store
from pipeline import NAMESPACE, Lake, Tools

EXCHANGES = ("binance", "kraken", "coinbase")
# At one trade a second, a recording of 1400 trades from ten to midnight reaches into the next day.
DAYS, TRADES = (18, 19, 24), 1400
# Files with the longest tests, the longest first: begun last, they would keep one worker busy while the others have nothing to do.
LONGEST = ("maintain_matrix", "offload_matrix", "offload_places", "load_faults", "offload", "repeat", "load", "maintain")


def pytest_collection_modifyitems(items):
    order = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools.find()


@pytest.fixture(scope="session", autouse=True)
def root_folder(tools):
    """ClickHouse's engine reads only files below the folder it was started in."""
    os.chdir("/")


@pytest.fixture(scope="session")
def lake(tools, tmp_path_factory) -> Lake:
    """Three exchanges with duplicates, disorder, gaps and late trades; each recording runs over a midnight."""
    folder = tmp_path_factory.mktemp("lake")
    recordings = [
        tools.record(
            folder / f"{exchange}-{day}.ndjson",
            exchange,
            trades=TRADES,
            seed=day,
            rate=1,
            faults="duplicates,reorder,gap,late",
            extra=("--start", f"2026-02-{day}T23:50:00Z", "--first-id", str(day * 1_000_000)),
        )
        for exchange in EXCHANGES
        for day in DAYS
    ]
    stream = tools.stream(folder / "stream.ndjson", recordings)
    made = Lake(folder / "lake", stream)
    tools.load(made)
    return made


@pytest.fixture
def catalog(tmp_path):
    """pyiceberg's own, of tables that K2 has not made."""
    from pyiceberg.catalog.sql import SqlCatalog

    made = SqlCatalog("k2", uri=f"sqlite:///{tmp_path / 'k2.db'}", warehouse=f"file://{tmp_path / 'warehouse'}")
    made.create_namespace(NAMESPACE)
    return made


@pytest.fixture
def empty_lake(tmp_path: pathlib.Path):
    """Makes a lake for a given stream file in a folder of its own."""
    return lambda stream: Lake(tmp_path / "lake", stream)


@pytest.fixture(scope="session")
def server(tools, tmp_path_factory):
    """A warm store that many tests share, each with a database of its own."""
    with ClickHouse(tmp_path_factory.mktemp("warm"), "--test-hooks") as running:
        yield running


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Makes lakes in PostgreSQL, behind a REST server and in S3."""
    with Places(tmp_path_factory.mktemp("places")) as running:
        yield running


@pytest.fixture(scope="session")
def locked_server(tools, tmp_path_factory):
    with ClickHouse(tmp_path_factory.mktemp("locked"), "--user", "loader", "--password", "right/&:@") as running:
        yield running


@pytest.fixture
def bare_store(tools, server, tmp_path, request):
    """A database that is not there yet."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in request.node.nodeid.split("::", 1)[1])
    store = Store(tools, server, f"t_{name}", tmp_path)
    yield store
    if server.process:
        server.reset()
        server.rows(f"DROP DATABASE IF EXISTS {store.database} SYNC")


@pytest.fixture
def store(bare_store):
    """A database whose rows stay: the tests' trades are of the past."""
    bare_store.init("--ttl", "none")
    return bare_store
