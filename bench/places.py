"""Where lakes are: on local disk with an SQLite catalog, or in S3 behind a REST catalog. Each place has one of ours and one of the script's."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


# Whose lake → the name of its catalog: that under which K2 registers tables, and what pyiceberg takes when it is told nothing.
CATALOGS = {"ours": "k2", "script": "default"}


def pyiceberg(place):
    """pyiceberg's configuration of a place's two catalogs, as environment variables."""
    return {
        f"PYICEBERG_CATALOG__{name.upper()}__{key.replace('.', '__').replace('-', '_').upper()}": value
        for whose, name in CATALOGS.items()
        for key, value in place.catalog(whose).items()
    }


class Local:
    name = "SQLite, local disk"

    def __init__(self, folder):
        # Catalogs want URLs.
        self.folder = pathlib.Path(folder).absolute()
        self.clear("ours")
        self.clear("script")

    def clear(self, whose):
        shutil.rmtree(self.folder / whose, ignore_errors=True)
        (self.folder / whose / "warehouse").mkdir(parents=True)

    @property
    def environment(self):
        """Of k2-offload."""
        folder = self.folder / "ours"
        return {"K2_WAREHOUSE": f"file:{folder / 'warehouse'}", "K2_CATALOG": f"sqlite:{folder / 'k2.db'}", "K2_STATE": f"sqlite:{folder / 'k2.db'}"}

    def catalog(self, whose):
        folder = self.folder / whose
        return {"type": "sql", "uri": f"sqlite:///{folder / 'k2.db'}", "warehouse": f"file://{folder / 'warehouse'}"}

    def size(self, whose):
        """Bytes of the data files, and their number."""
        files = [file.stat().st_size for file in (self.folder / whose / "warehouse").rglob("*.parquet")]
        return sum(files), len(files)


class ObjectStore:
    """An S3 store and an Iceberg REST catalog on a core of their own."""

    name = "REST, S3"
    access_key, secret_key = "k2bench", "k2bench-secret"

    def __init__(self, folder, core):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="k2-bench-s3-"))
        port_file = self.data / "port.json"
        command = [ROOT / "scripts/dev/seaweedfs", "--path", self.data / "data", "--port-file", port_file]
        command += ["--bucket", "lake", "--table-bucket", "ours", "--table-bucket", "script"]
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        while not port_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"seaweedfs: {self.process.stderr.read().decode().strip()}")
            time.sleep(0.02)
        self.told = json.loads(port_file.read_text())

    @property
    def environment(self):
        return {
            "K2_WAREHOUSE": "s3://lake/ours",
            "K2_CATALOG": self.told["catalog"],
            "K2_CATALOG_WAREHOUSE": "ours",
            "K2_CATALOG_CREDENTIAL": f"{self.access_key}:{self.secret_key}",
            "K2_STATE": f"sqlite:{self.folder / 'state.db'}",
            "K2_S3_ENDPOINT": self.told["s3"],
            "AWS_REGION": self.told["region"],
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def catalog(self, whose):
        return {
            "type": "rest",
            "uri": self.told["catalog"],
            "warehouse": whose,
            "credential": f"{self.access_key}:{self.secret_key}",
            "s3.endpoint": self.told["s3"],
            "s3.region": self.told["region"],
            "s3.access-key-id": self.access_key,
            "s3.secret-access-key": self.secret_key,
            "s3.force-virtual-addressing": "false",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)
