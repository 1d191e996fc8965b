"""The ports of a server. Its parts speak HTTP on one port and gRPC on another."""

import json
import random
import socket
import time

# Below the range that Linux gives to outgoing connections, which could take one between our look and the start.
LOWEST, HIGHEST = 20000, 32000
# What `weed mini` listens on: flag → whether there is a gRPC port beside it.
PARTS = {"master.port": True, "volume.port": True, "filer.port": True, "s3.port": True, "s3.port.iceberg": False, "admin.port": True}
FILE = "ports.json"
# A server that was killed may need a moment until it has let go of its ports, in seconds.
PATIENCE = 3


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def becomes_free(port):
    end = time.monotonic() + PATIENCE
    while not is_free(port):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def flags():
    """Every port flag of the program."""
    for part, has_grpc in PARTS.items():
        yield part
        if has_grpc:
            yield f"{part}.grpc"


def choose(folder, wanted):
    """Port of each flag: what is `wanted`, else that of the last run, else a free one.

    The last run's are kept because the master names its folder after its port, and because clients
    that outlive a restart know them.
    """
    last = remembered(folder)
    chosen = {flag: port for flag, port in wanted.items() if port}
    for flag in flags():
        if flag not in chosen:
            port = last.get(flag)
            usable = port is not None and port not in chosen.values() and becomes_free(port)
            chosen[flag] = port if usable else unused(chosen.values())
    return chosen


def unused(taken):
    for _ in range(200):
        port = random.randrange(LOWEST, HIGHEST)
        if port not in taken and is_free(port):
            return port
    raise OSError("no free port found on 127.0.0.1")


def remembered(folder):
    try:
        return json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}


def remember(folder, chosen):
    (folder / FILE).write_text(json.dumps(chosen) + "\n")
