"""scripts/dev/postgres: starts, ends, and is there again after kill -9."""

import os
import signal
import stat
import subprocess
import time

import psycopg2
import pytest

from postgres_server import SCRIPT, Postgres


def query(server, text, **parts):
    with psycopg2.connect(server.url_of(**parts), connect_timeout=10) as connection, connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else None


def is_alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid):
    end = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.05)


def test_data_survive_every_kind_of_end():
    with Postgres() as server:
        query(server, "CREATE TABLE t (a INTEGER)")
        for number, end in enumerate((server.stop, server.kill, server.stop)):
            query(server, f"INSERT INTO t VALUES ({number})")
            assert end() == (1 if end == server.kill else 0)
            server.start()
        assert query(server, "SELECT count(*) FROM t") == [(3,)]
        assert not server.folder.joinpath("server", "data", "postmaster.opts").stat().st_mode & stat.S_IRWXO


def test_a_connection_that_is_open_does_not_keep_it_from_ending():
    with Postgres() as server:
        connection = psycopg2.connect(server.url)
        assert server.stop() == 0
        with pytest.raises(psycopg2.OperationalError):
            connection.cursor().execute("SELECT 1")


def test_a_server_whose_script_was_killed_ends_and_its_folder_is_free():
    with Postgres() as server:
        query(server, "CREATE TABLE t (a INTEGER)")
        script, pid = server.process, server.pid
        os.kill(script.pid, signal.SIGKILL)
        script.wait()
        script.stdout.close()
        server.start()
        assert query(server, "SELECT count(*) FROM t") == [(0,)]
        wait_until_gone(pid)


def test_it_ends_with_its_parent(tmp_path):
    script = f'"{SCRIPT}" >"{tmp_path}/about" & wait'
    parent = subprocess.Popen(["/bin/bash", "-c", script])
    try:
        end = time.monotonic() + 30
        while not (about := tmp_path.joinpath("about")).exists() or not about.read_text():
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    wait_until_gone(int(about.read_text().split('"pid":')[1].split(",")[0]))


def test_a_folder_has_one_server():
    with Postgres() as server:
        second = subprocess.run([SCRIPT, "--path", server.folder / "server"], capture_output=True, text=True, timeout=60)
        assert second.returncode == 75 and second.stderr.endswith(": another server uses this folder\n")
        taken = subprocess.run([SCRIPT, "--port", str(server.port)], capture_output=True, text=True, timeout=60)
        assert taken.returncode == 69 and "Address already in use" in taken.stderr


def test_passwords_are_asked_for():
    with Postgres(password="right/&:@") as server:
        assert query(server, "SELECT 1") == [(1,)]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            query(server, "SELECT 1", password="wrong")
        assert not list(server.folder.glob("server/new*")), "the password's copy is gone"


@pytest.mark.parametrize("flags, status", [(["--nonsense", "1"], 64), (["--port", "x"], 64), (["--path"], 64), (["--password-file", "/nonexistent"], 64)])
def test_wrong_usage(flags, status):
    result = subprocess.run([SCRIPT, *flags], capture_output=True, text=True, timeout=60)
    assert result.returncode == status and result.stderr.startswith("scripts/dev/postgres: ")
