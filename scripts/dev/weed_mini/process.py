"""The one process of the server: started so that it cannot outlive us, and cleaned up after."""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys

# It needs about three seconds: its parts wait for each other.
LONGEST_END = 10
PR_SET_PDEATHSIG = 1


class Weed:
    def __init__(self, folder, ports, buckets, table_buckets, access_key, secret_key):
        self.ports = ports
        environment = os.environ | {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [program(), "-logtostderr", "mini", *self._arguments(folder, buckets, table_buckets)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # Ctrl-C is for us, who then end it in order.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def _arguments(self, folder, buckets, table_buckets):
        yield from (f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false")
        # Buckets are names of hosts too: http://BUCKET.localhost:PORT/KEY.
        yield "-s3.domainName=localhost"
        yield from ("-webdav=false", "-admin.ui=false", "-s3.port.lance=0")
        yield from (f"-{flag}={port}" for flag, port in self.ports.items())
        yield f"-bucket={','.join(buckets)}"
        yield f"-tableBucket={','.join(table_buckets)}"

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(LONGEST_END)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()
        remove_sockets(self.ports)


def program():
    return str(pathlib.Path(sys.executable).parent / "weed")


def remove_sockets(ports):
    """Also those of a run that was killed: their names hold the ports."""
    for flag, port in ports.items():
        part, *kind = flag.split(".")
        name = f"{part}-grpc-{port}" if "grpc" in kind else f"{part}-{port}"
        pathlib.Path(f"/tmp/seaweedfs-{name}.sock").unlink(missing_ok=True)


def end_with_parent():
    """In the child: the kernel kills it when we are gone, however that came."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
