"""Starts `scripts/dev/seaweedfs` for a test: an S3 store and an Iceberg REST catalog that can be killed and started again."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "dev" / "seaweedfs"
START, END = 90, 20


class ObjectStore:
    """A server process with a data folder; `start` again after `kill` finds the same data on the same ports."""

    access_key, secret_key = "k2test", "k2test-secret"

    def __init__(self, folder, *flags, buckets=("lake",), table_buckets=("warehouse",)):
        self.folder, self._flags = pathlib.Path(folder), flags
        self.buckets, self.table_buckets = buckets, table_buckets
        self.process, self.s3, self.catalog, self.region = None, None, None, None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        port_file = self.folder / "port.json"
        port_file.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = self.launch("--port-file", str(port_file))
        end = time.monotonic() + START
        while not port_file.exists():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}: {self.process.stderr.read()}"
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.02)
        told = json.loads(port_file.read_text())
        self.s3, self.catalog, self.region = told["s3"], told["catalog"], told["region"]
        return self

    def launch(self, *flags):
        command = [SCRIPT, "--path", str(self.folder / "data"), *flags, *self._flags]
        for bucket in self.buckets:
            command += ["--bucket", bucket]
        for bucket in self.table_buckets:
            command += ["--table-bucket", bucket]
        own = {"K2_SEAWEEDFS_PYTHON": sys.executable, "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return subprocess.Popen(command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    @property
    def environment(self):
        """What our tools need to reach it."""
        return {
            "K2_S3_ENDPOINT": self.s3,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    @property
    def file_io(self):
        """What pyiceberg needs to read the files. Its own patience, three tries of 3 s, ends in an `OSError` where a crowded machine lets the server wait."""
        return {
            "s3.endpoint": self.s3,
            "s3.region": self.region,
            "s3.access-key-id": self.access_key,
            "s3.secret-access-key": self.secret_key,
            "s3.force-virtual-addressing": "false",
            "s3.connect-timeout": "60",
            "s3.request-timeout": "60",
        }

    def stop(self):
        """Ends it as an operator would; gives the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """As a power cut would, but for the disk's caches."""
        return self._end(signal.SIGKILL)

    def restart(self):
        self.kill()
        return self.start()

    def _end(self, number):
        if self.process is None:
            return None
        self.process.send_signal(number)
        process, self.process = self.process, None
        try:
            process.communicate(timeout=END)
        finally:
            process.kill()
        return process.returncode
