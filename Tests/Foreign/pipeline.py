"""Running the built tools, and what they leave behind."""

import dataclasses
import gzip
import json
import os
import pathlib
import sqlite3
import subprocess
from decimal import Decimal

ROOT = pathlib.Path(__file__).resolve().parents[2]
INTERVALS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "1d": 86400}
NAMESPACE = "cold"


@dataclasses.dataclass
class Lake:
    """A warehouse folder, its catalog file, and the stream that was loaded into it."""

    folder: pathlib.Path
    stream: pathlib.Path

    @property
    def environment(self):
        database = self.folder / "k2.db"
        return {
            "K2_WAREHOUSE": f"file:{self.folder / 'warehouse'}",
            "K2_CATALOG": f"sqlite:{database}",
            "K2_STATE": f"sqlite:{database}",
        }

    @property
    def catalog_rows(self):
        """(catalog name, namespace, table, metadata location), read with plain SQLite."""
        with sqlite3.connect(self.folder / "k2.db") as connection:
            return connection.execute(
                "SELECT catalog_name, table_namespace, table_name, metadata_location FROM iceberg_tables ORDER BY table_name"
            ).fetchall()

    def records(self, kind):
        return [record for record in read_ndjson(self.stream) if record["kind"] == kind]


class Tools:
    """The programs of one build folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    @classmethod
    def find(cls):
        folder = pathlib.Path(os.environ.get("K2_BIN", ROOT / ".build/release")).resolve()
        missing = [name for name in ("k2-feed", "k2-normalize", "k2-ohlcv", "k2-load", "k2-offload", "k2-maintain", "k2-sim") if not (folder / name).exists()]
        if missing:
            raise FileNotFoundError(f"{folder}: no {', '.join(missing)}; build first, or set K2_BIN")
        return cls(folder)

    def path(self, name):
        return str(self.folder / name)

    def record(self, file, exchange, trades, seed, rate=None, faults=None, extra=()):
        """Writes a recording; gzipped when the name ends in .gz."""
        command = [self.path("k2-sim"), "record", exchange, "--trades", str(trades), "--seed", str(seed), *extra]
        if rate is not None:
            command += ["--rate", str(rate)]
        if faults:
            command += ["--faults", faults]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        file.write_bytes(gzip.compress(output, 1) if file.suffix == ".gz" else output)
        return file

    def stream(self, file, recordings, normalize=("--bronze",), ohlcv=("--tee",)):
        """feed | normalize | ohlcv into a file."""
        with open(file, "wb") as output:
            feed = subprocess.Popen(
                [self.path("k2-feed"), "replay", *map(str, recordings), "--speed", "max"], stdout=subprocess.PIPE
            )
            normal = subprocess.Popen([self.path("k2-normalize"), *normalize], stdin=feed.stdout, stdout=subprocess.PIPE)
            candles = subprocess.Popen([self.path("k2-ohlcv"), *ohlcv], stdin=normal.stdout, stdout=output)
            feed.stdout.close()
            normal.stdout.close()
            statuses = [process.wait() for process in (feed, normal, candles)]
        assert statuses == [0, 0, 0], statuses
        return file

    def start_load(self, lake: Lake, *arguments):
        lake.folder.mkdir(parents=True, exist_ok=True)
        with open(lake.stream, "rb") as stream:
            return subprocess.Popen(
                [self.path("k2-offload"), "run", "--from", "-", *arguments],
                stdin=stream,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | lake.environment,
            )

    def load(self, lake: Lake, *arguments):
        """Loads the lake's stream; returns what was said."""
        process = self.start_load(lake, *arguments)
        out, err = process.communicate()
        assert process.returncode == 0, f"k2-offload ended with {process.returncode}: {err}"
        return out + err


def read_ndjson(file):
    """All records of a file; numbers stay exact."""
    with open(file, encoding="utf-8") as lines:
        return [parse_record(line) for line in lines]


def parse_record(line):
    record = json.loads(line, parse_float=Decimal)
    if record["kind"] == "bronze":
        # The payload is the exchange's own text: what the table holds is that text, not a value printed again.
        start = line.index('"payload":') + len('"payload":')
        _, end = json.JSONDecoder().raw_decode(line, start)
        record["payload"] = line[start:end]
    return record


def write_ndjson(file, records):
    file.write_text("".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in records), encoding="utf-8")
    return file


def final_candles(records, interval):
    """What gold must hold: of each window, the final candle of the highest revision."""
    newest = {}
    for record in records:
        if record["interval"] != interval or not record["is_final"]:
            continue
        key = (record["exchange"], record["canonical_symbol"], record["window_start"])
        if key not in newest or newest[key].get("revision", 0) <= record.get("revision", 0):
            newest[key] = record
    return newest


def tables_expected(stream_records):
    """Table name → number of rows, from the stream alone."""
    counts = {}

    def add(name, number=1):
        counts[name] = counts.get(name, 0) + number

    candles = []
    for record in stream_records:
        match record["kind"]:
            case "trade":
                add("silver_trades")
            case "bronze":
                add(f"bronze_trades_{record['exchange']}")
            case "gap":
                add("feed_gaps")
            case "candle":
                candles.append(record)
    for interval in INTERVALS:
        rows = final_candles(candles, interval)
        if rows:
            add(f"gold_ohlcv_{interval}", len(rows))
    return counts
