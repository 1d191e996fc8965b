"""Starts the server: `python -m clickhouse --path DIR`, normally through `scripts/dev/clickhouse-server`."""

import argparse
import os
import pathlib
import signal
import ssl
import sys
import threading

from .engine import Engine, FolderInUse
from .reply import STYLES
from .server import Server

STATUS_TEMPORARY = 75
# A query that does not end must not keep the server from ending.
LONGEST_SHUTDOWN = 5


def options():
    parser = argparse.ArgumentParser(prog="clickhouse-server", description=__doc__)
    parser.add_argument("--path", required=True, help="the data folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="0 takes a free one")
    parser.add_argument("--port-file", type=pathlib.Path, help="gets the port once the server answers")
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    parser.add_argument("--password-file", type=pathlib.Path, help="its first line is the password")
    parser.add_argument("--tls-cert", help="speak HTTPS")
    parser.add_argument("--tls-key")
    parser.add_argument("--test-hooks", action="store_true", help="answer to /_test/stats, /_test/fault and /_test/reset")
    parser.add_argument("--exception-style", choices=STYLES, default="tag", help="of errors behind the start of a result")
    parser.add_argument("--keep-alive", type=int, default=10, metavar="SECONDS", help="how long an unused connection stays")
    parser.add_argument("--max-concurrent", type=int, default=100, metavar="N", help="queries at once")
    parser.add_argument("--display-name", default="clickhouse")
    chosen = parser.parse_args()
    if bool(chosen.tls_cert) != bool(chosen.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    return chosen


def prepare(chosen):
    """The options in the form that the server uses."""
    if chosen.password_file:
        lines = chosen.password_file.read_text().splitlines()
        chosen.password = lines[0] if lines else ""
    chosen.users = {chosen.user: chosen.password}
    chosen.tls = None
    if chosen.tls_cert:
        chosen.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chosen.tls.load_cert_chain(chosen.tls_cert, chosen.tls_key)
    chosen.path = os.path.abspath(chosen.path)
    os.makedirs(chosen.path, exist_ok=True)
    if chosen.port_file:
        chosen.port_file = chosen.port_file.absolute()
    # The engine reads only files below the folder it runs in.
    os.chdir("/")


def write_port(file, port):
    """In one step, so that nobody reads half of it."""
    part = file.with_name(file.name + ".part")
    part.write_text(f"{port}\n")
    part.rename(file)


def serve(chosen):
    engine = Engine(chosen.path)
    server = Server((chosen.host, chosen.port), engine, chosen)

    def stop(*_):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    port = server.server_address[1]
    if chosen.port_file:
        write_port(chosen.port_file, port)
    print(f"clickhouse-server: engine {engine.version} on port {port}, data in {chosen.path}", file=sys.stderr)
    server.serve_forever(poll_interval=0.1)
    end_now(engine, server)


def end_now(engine, server):
    """Closes the engine, which brings everything to disk, and leaves without waiting for connections."""
    server.socket.close()
    closing = threading.Thread(target=engine.close, daemon=True)
    closing.start()
    closing.join(LONGEST_SHUTDOWN)
    sys.stderr.flush()
    os._exit(0)


def main():
    chosen = options()
    prepare(chosen)
    try:
        serve(chosen)
    except FolderInUse:
        print(f"clickhouse-server: {chosen.path}: another process uses this data folder", file=sys.stderr)
        sys.exit(STATUS_TEMPORARY)
    except OSError as error:
        print(f"clickhouse-server: cannot listen on {chosen.host}:{chosen.port}: {error.strerror}", file=sys.stderr)
        sys.exit(69)


if __name__ == "__main__":
    main()
