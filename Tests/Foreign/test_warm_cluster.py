"""The tables of `k2-load schema --cluster`, in an engine that is a cluster of one.

It has no Keeper: `ON CLUSTER` and replication are left out where statements are run, and only parsed.
"""

import pytest

from test_values import trade
from test_warm_schema import candle
from trade_candles import candles, random_trades
from warm_store import WarmStore, schema, statements

CLUSTER = """<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers><prod><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></prod></remote_servers>
</clickhouse>
"""
SYNCHRONOUS = {"distributed_foreground_insert": 1}


def without_keeper(statement):
    """Its statement for a server by itself."""
    statement = statement.replace(" ON CLUSTER `prod`", "").replace("ReplicatedReplacing", "Replacing")
    return statement.replace("SETTINGS replicated_deduplication_window", "SETTINGS non_replicated_deduplication_window").replace(
        "replicated_deduplication_window_seconds = 604800, ", ""
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "cluster.xml").write_text(CLUSTER)
    store = WarmStore(folder / "engine", folder / "cluster.xml")
    yield store
    store.close()


@pytest.fixture(scope="module")
def clustered(tools):
    return statements(schema(tools, "--cluster", "prod", "--ttl", "none", "--kafka", "127.0.0.1:9092"))


@pytest.fixture(scope="module")
def database(store, clustered):
    store.apply([without_keeper(s) for s in clustered if "`k2`.`kafka_" not in s])
    return "k2"


def test_every_statement_is_understood(store, clustered):
    for statement in clustered:
        store.run(f"SELECT formatQuery($text${statement}$text$)")


def test_it_is_the_schema_of_a_server_by_itself_but_for_the_distributed_tables(tools, clustered):
    local = {without_keeper(s).replace("_local`\n(", "`\n(") for s in clustered if "Distributed(" not in s}
    assert local == set(statements(schema(tools, "--ttl", "none", "--kafka", "127.0.0.1:9092")))


def test_rows_go_through_the_distributed_table(store, database):
    for number in range(2):
        store.insert("k2.silver_trades", [trade(1), trade(2)], insert_deduplication_token="once", **SYNCHRONOUS)
    store.insert("k2.silver_trades", [trade(1, origin="rest")], **SYNCHRONOUS)
    assert store.value("SELECT count() FROM k2.silver_trades_local") == 3
    assert store.rows("SELECT trade_id, origin FROM k2.silver_trades FINAL ORDER BY trade_id") == [
        {"trade_id": "BINANCE-1", "origin": "rest"},
        {"trade_id": "BINANCE-2", "origin": "stream"},
    ]
    store.run("TRUNCATE TABLE k2.silver_trades_local")


def test_the_newest_revision_wins_behind_it(store, database):
    for arrival in [candle(0, False, 1), candle(1, True, 3), candle(1, False, 2), candle(0, True, 4)]:
        store.insert("k2.ohlcv_5m", [arrival], **SYNCHRONOUS)
    assert store.rows("SELECT trade_count, version FROM k2.ohlcv_5m FINAL") == [{"trade_count": 3, "version": 3}]


def test_checking_views_read_all_shards(store, database):
    trades = random_trades(seed=7, number=100)
    store.insert("k2.silver_trades", trades, **SYNCHRONOUS)
    wanted = candles(trades, "1m", 60)
    assert store.value("SELECT count() FROM k2.ohlcv_1m_check") == len(wanted)
    store.insert("k2.ohlcv_1m", [c | {"revision": 0, "is_final": True, "has_gap": False} for c in wanted.values()], **SYNCHRONOUS)
    assert store.value("SELECT count() FROM k2.ohlcv_1m_diff") == 0


def test_the_version_is_noted_once(store, database, clustered):
    store.apply([without_keeper(s) for s in clustered if "`k2`.`kafka_" not in s])
    assert store.rows("SELECT version FROM k2.schema_version") == [{"version": 1}]
