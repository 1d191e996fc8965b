"""Starts `scripts/dev/postgres` for a test."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from urllib.parse import quote

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "dev" / "postgres"
END = 30


class Postgres:
    """A server process with a data folder of its own; `start` again after `kill` finds the same data.

    With a password, that of user postgres, every connection has to give one.
    """

    def __init__(self, password=None):
        # Not pytest's folder: the server may run as another user, who cannot enter that.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="k2-postgres-"))
        self.folder.chmod(0o755)
        self.password = password
        self._flags = []
        if password is not None:
            file = self.folder / "password"
            file.write_text(f"{password}\n")
            self._flags = ["--password-file", str(file)]
        self.process, self.port, self.pid = None, 0, None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return self.url_of()

    def url_of(self, database="postgres", user="postgres", password=None, driver="postgres"):
        secret = password if password is not None else self.password
        login = user if secret is None else f"{user}:{quote(secret, safe='')}"
        return f"{driver}://{login}@127.0.0.1:{self.port}/{database}"

    def create(self, database):
        """An empty database."""
        import psycopg2

        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        connection.cursor().execute(f'CREATE DATABASE "{database}"')
        connection.close()

    def start(self):
        """The port of the first start is kept, so that clients find the server again."""
        command = [SCRIPT, "--path", self.folder / "server", "--port", str(self.port), *self._flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ)
        line = self.process.stdout.readline()
        assert line, f"the server did not come up: {self.process.wait(END)}"
        about = json.loads(line)
        self.port, self.pid = about["port"], about["pid"]
        return self

    def stop(self):
        """Ends it as an operator would; gives the exit status."""
        return self._end(signal.SIGTERM, self.process.pid) if self.process else None

    def kill(self):
        """kill -9 of the server itself, not of the script."""
        return self._end(signal.SIGKILL, self.pid)

    def restart(self):
        self.stop()
        return self.start()

    def _end(self, number, pid):
        os.kill(pid, number)
        process, self.process = self.process, None
        try:
            return process.wait(END)
        finally:
            process.kill()
            process.stdout.close()
