"""Fixtures: the built tools, and lakes made with them from simulated recordings."""

import pathlib

import pytest

from pipeline import Lake, Tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools.find()


@pytest.fixture(scope="session")
def lake(tools, tmp_path_factory) -> Lake:
    """Three exchanges with duplicates, disorder, gaps and late trades, spread over three days."""
    folder = tmp_path_factory.mktemp("lake")
    recordings = [
        tools.record(folder / f"{exchange}.ndjson", exchange, trades=4000, seed=seed, rate=RATE, faults="duplicates,reorder,gap,late")
        for seed, exchange in enumerate(("binance", "kraken", "coinbase"), 1)
    ]
    stream = tools.stream(folder / "stream.ndjson", recordings)
    made = Lake(folder / "lake", stream)
    tools.load(made)
    return made


# Trades a second: 4000 trades then take 2.3 days, so that there is something to prune.
RATE = 0.02


@pytest.fixture
def empty_lake(tmp_path: pathlib.Path):
    """Makes a lake for a given stream file in a folder of its own."""
    return lambda stream: Lake(tmp_path / "lake", stream)
