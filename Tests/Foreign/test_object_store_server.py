"""The development server itself: what it promises to those who start it."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from object_store import SCRIPT, ObjectStore
from weed_requests import get, put

END = 20


def listens(url):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) == 0


def gone(url):
    end = time.monotonic() + END
    while listens(url):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def sockets(folder):
    ports = json.loads((folder / "data" / "ports.json").read_text()).values()
    return [file for file in pathlib.Path("/tmp").glob("seaweedfs-*.sock") if any(f"-{port}." in file.name for port in ports)]


def test_objects_survive_a_kill_and_the_ports_stay(tmp_path):
    with ObjectStore(tmp_path) as store:
        before = store.s3, store.catalog
        assert put(store, "lake/a/b", b"kept") == 200
        store.restart()
        assert (store.s3, store.catalog) == before
        assert get(store, "lake/a/b") == b"kept"
        assert store.stop() == 0
    assert gone(store.s3) and gone(store.catalog) and sockets(tmp_path) == []


def test_the_catalog_answers_to_the_same_keys(tmp_path):
    with ObjectStore(tmp_path, table_buckets=("one", "two")) as store:
        form = f"grant_type=client_credentials&client_id={store.access_key}&client_secret={store.secret_key}&scope=catalog"
        with urllib.request.urlopen(f"{store.catalog}/v1/oauth/tokens", form.encode(), timeout=10) as answer:
            token = json.load(answer)["access_token"]
        for bucket in store.table_buckets:
            ask = urllib.request.Request(f"{store.catalog}/v1/{bucket}/namespaces", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(ask, timeout=10) as answer:
                assert json.load(answer)["namespaces"] == []


def test_one_folder_has_one_server(tmp_path):
    with ObjectStore(tmp_path) as store:
        second = store.launch()
        _, text = second.communicate(timeout=END)
        assert second.returncode == 75 and "another process uses this data folder" in text


def test_it_ends_with_the_process_that_started_it(tmp_path):
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from object_store import ObjectStore;"
        "print(ObjectStore(sys.argv[1]).start().s3, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(pathlib.Path(__file__).parent)]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = starter.stdout.readline().strip()
    assert listens(url)
    starter.send_signal(signal.SIGKILL)
    starter.communicate(timeout=END)
    assert gone(url)


def test_wrong_usage_is_told(tmp_path):
    environment = os.environ | {"K2_SEAWEEDFS_PYTHON": sys.executable}
    for flags in (["--path"], ["--port", "1"]):
        ended = subprocess.run([SCRIPT, *flags], capture_output=True, text=True, env=environment, timeout=END)
        assert ended.returncode == 64 and ended.stderr.startswith("seaweedfs: "), ended.stderr
