"""Starts the server: `python -m weed_mini --path DIR`, normally through `scripts/dev/seaweedfs`."""

import argparse
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from . import ports, ready
from .process import Weed, remove_sockets

STATUS_USAGE, STATUS_UNAVAILABLE, STATUS_TEMPORARY = 64, 69, 75
LONGEST_START = 60
# Another process may take a port between our look and the start.
TRIES = 3


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(complain(message, STATUS_USAGE))


def options():
    environment = os.environ.get
    parser = Parser(prog="seaweedfs", description=__doc__, allow_abbrev=False)
    parser.add_argument("--path", type=pathlib.Path, help="the data folder; without it, one that is removed at the end")
    parser.add_argument("--port-file", type=pathlib.Path, help="gets the line of JSON too, once everything answers")
    parser.add_argument("--s3-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--catalog-port", type=int, default=0)
    parser.add_argument("--bucket", action="append", help="made at the start; may be repeated")
    parser.add_argument("--table-bucket", action="append", help="one catalog each; may be repeated")
    parser.add_argument("--access-key", default=environment("AWS_ACCESS_KEY_ID") or "k2dev")
    parser.add_argument("--secret-key", default=environment("AWS_SECRET_ACCESS_KEY") or "k2dev-secret")
    return parser.parse_args(namespace=argparse.Namespace(parent=os.getppid()))


class Ended(Exception):
    """We were told to end, or the one who started us is gone."""


class Server:
    def __init__(self, chosen):
        self.chosen = chosen
        self.folder = chosen.path.absolute() if chosen.path else pathlib.Path(tempfile.mkdtemp(prefix="k2-seaweedfs-"))
        self.buckets = chosen.bucket or ["lake"]
        self.table_buckets = chosen.table_bucket or ["warehouse"]
        self.keys = (chosen.access_key, chosen.secret_key)
        self.is_ending = False

    def end(self, *_):
        self.is_ending = True

    def pause(self, seconds):
        if self.is_ending or os.getppid() != self.chosen.parent:
            raise Ended
        time.sleep(seconds)

    def run(self):
        """Until the end; the exit status."""
        for _ in range(TRIES):
            wanted = {"s3.port": self.chosen.s3_port, "s3.port.iceberg": self.chosen.catalog_port}
            taken = ports.choose(self.folder, wanted)
            remove_sockets(taken)
            weed = Weed(self.folder, taken, self.buckets, self.table_buckets, *self.keys)
            try:
                if self.wait_until_ready(weed):
                    ports.remember(self.folder, taken)
                    self.announce(taken)
                    while weed.process.poll() is None:
                        self.pause(0.1)
                    return complain(f"the server ended with {weed.process.returncode}: see {self.folder}/log")
            except Ended:
                return 0
            finally:
                weed.end()
        return complain(f"the server does not come up: see {self.folder}/log")

    def wait_until_ready(self, weed):
        """False when it ended or never became usable."""
        end = time.monotonic() + LONGEST_START
        while weed.process.poll() is None and time.monotonic() < end:
            try:
                ready.check(weed.ports, self.buckets, self.table_buckets, *self.keys)
                return True
            except (ready.NotReady, OSError, http.client.HTTPException):
                self.pause(0.05)
        return False

    def announce(self, taken):
        line = json.dumps(
            {
                "s3": f"http://127.0.0.1:{taken['s3.port']}",
                "catalog": f"http://127.0.0.1:{taken['s3.port.iceberg']}",
                "region": ready.REGION,
                "buckets": self.buckets,
                "table_buckets": self.table_buckets,
            }
        )
        print(line, flush=True)
        if self.chosen.port_file:
            # In one step, so that nobody reads half of it.
            part = self.chosen.port_file.with_name(self.chosen.port_file.name + ".part")
            part.write_text(line + "\n")
            part.rename(self.chosen.port_file)


def complain(text, status=STATUS_UNAVAILABLE):
    print(f"seaweedfs: {text}", file=sys.stderr)
    return status


def main():
    server = Server(options())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.end)
    server.folder.mkdir(parents=True, exist_ok=True)
    # Held by this process alone; the kernel lets go of it however we end.
    with (server.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return complain(f"{server.folder}: another process uses this data folder", STATUS_TEMPORARY)
        try:
            return server.run()
        except OSError as error:
            return complain(str(error))
        finally:
            if not server.chosen.path:
                shutil.rmtree(server.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
