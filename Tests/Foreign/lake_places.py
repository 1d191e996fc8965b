"""Lakes in other places than a folder with an SQLite catalog: PostgreSQL, a REST server or the folder itself as the catalog, S3 as the store."""

import contextlib
import dataclasses
import itertools
import pathlib
import sqlite3

from object_store import ObjectStore
from pipeline import NAMESPACE
from postgres_server import Postgres
from readers import ClickHouse, DuckDB, PyIceberg, plain_path

CATALOGS = ("sqlite", "postgres", "rest")
STORES = ("local", "s3")
# The REST server at hand keeps tables in its own store only.
PLACES = [("sqlite", "local"), ("sqlite", "s3"), ("postgres", "local"), ("postgres", "s3"), ("rest", "s3")]
# A folder of tables that is its own catalog.
FOLDERS = [("folder", "local"), ("folder", "s3")]


def plain(location):
    """Without its scheme."""
    for scheme in ("file://", "file:", "s3://", "s3a://"):
        location = location.removeprefix(scheme)
    return location.rstrip("/")


@dataclasses.dataclass
class PlacedLake:
    """`objects` and `database` are running servers, or None where they are not needed. `name` keeps lakes in one server apart."""

    folder: pathlib.Path
    name: str
    catalog: str
    store: str
    objects: object = None
    database: object = None
    # In place of the servers' own addresses: those of proxies in front of them.
    catalog_url: str = None
    s3_url: str = None

    @property
    def warehouse(self):
        return f"s3://lake/{self.name}" if self.store == "s3" else f"file://{self.folder / 'warehouse'}"

    @property
    def environment(self):
        values = {"K2_WAREHOUSE": self.warehouse.replace("file://", "file:")}
        if self.catalog == "rest":
            values |= {
                "K2_CATALOG": self.catalog_url or self.objects.catalog,
                "K2_CATALOG_WAREHOUSE": self.name,
                "K2_CATALOG_CREDENTIAL": f"{self.objects.access_key}:{self.objects.secret_key}",
                "K2_STATE": f"sqlite:{self.folder / 'state.db'}",
            }
        elif self.catalog == "folder":
            values |= {"K2_CATALOG": values["K2_WAREHOUSE"], "K2_STATE": f"sqlite:{self.folder / 'state.db'}"}
        elif self.catalog == "postgres":
            values["K2_CATALOG"] = self.catalog_url or self.database.url_of(self.name)
        else:
            values["K2_CATALOG"] = f"sqlite:{self.folder / 'k2.db'}"
        if self.store == "s3":
            values |= self.objects.environment
            if self.s3_url:
                values["K2_S3_ENDPOINT"] = self.s3_url
        return values

    def pyiceberg(self):
        from pyiceberg.catalog import load_catalog

        from folder_catalog import FolderCatalog

        files = self.objects.file_io if self.store == "s3" else {}
        if self.catalog == "rest":
            secret = f"{self.objects.access_key}:{self.objects.secret_key}"
            return load_catalog("k2", type="rest", uri=self.objects.catalog, warehouse=self.name, credential=secret, **files)
        if self.catalog == "folder":
            return FolderCatalog("k2", self.warehouse, **files)
        uri = f"sqlite:///{self.folder / 'k2.db'}" if self.catalog == "sqlite" else self.database.url_of(self.name, driver="postgresql+psycopg2")
        return load_catalog("k2", type="sql", uri=uri, warehouse=self.warehouse, init_catalog_tables="false", **files)

    def files(self, location, io):
        """All that lies below a location: sizes by location without its scheme."""
        folder = plain(location)
        if self.store == "local":
            return {str(path): path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file()}
        from pyarrow.fs import FileSelector

        files = io.fs_by_scheme("s3", folder.split("/")[0])
        found = files.get_file_info(FileSelector(folder, recursive=True, allow_not_found=True))
        return {file.path: file.size for file in found if file.is_file}

    def data_files(self, location, io):
        """Locations of all data files that a reader of the store sees below a table, in a snapshot or not."""
        found = self.files(f"{location.rstrip('/')}/data", io)
        scheme = "s3" if self.store == "s3" else "file"
        return [f"{scheme}://{path}" for path in found if path.endswith(".parquet") and not path.rpartition("/")[2].startswith(".")]

    @contextlib.contextmanager
    def state(self):
        """A function that asks the state store; placeholders are %s."""
        if self.catalog == "postgres":
            import psycopg2

            connection = psycopg2.connect(self.database.url_of(self.name))
            ask, mark = connection.cursor(), "%s"
        else:
            connection = ask = sqlite3.connect(self.folder / ("state.db" if self.catalog in ("rest", "folder") else "k2.db"))
            mark = "?"

        def query(sql, *values):
            cursor = ask.execute(sql.replace("%s", mark), values) or ask
            return cursor.fetchall()

        try:
            yield query
        finally:
            connection.close()


class Places:
    """Lakes of one object store and one database server, which are started when the first lake needs them."""

    # Behind the REST server a bucket of tables is a lake, and the server makes these when it starts.
    BUCKETS = 16

    def __init__(self, folder):
        self._folder, self._open = pathlib.Path(folder), contextlib.ExitStack()
        self._numbers, self._buckets = itertools.count(1), iter(f"lake-{number}" for number in range(self.BUCKETS))
        self._objects, self._database = None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.close()

    @property
    def objects(self):
        if self._objects is None:
            buckets = [f"lake-{number}" for number in range(self.BUCKETS)]
            self._objects = self._open.enter_context(ObjectStore(self._folder / "objects", table_buckets=buckets))
        return self._objects

    @property
    def database(self):
        if self._database is None:
            self._database = self._open.enter_context(Postgres())
        return self._database

    def lake(self, folder, catalog, store):
        """A new one, whose own files go to `folder`."""
        name = next(self._buckets) if catalog == "rest" else f"lake{next(self._numbers)}"
        if catalog == "postgres":
            self.database.create(name)
        folder.mkdir(parents=True, exist_ok=True)
        objects = self.objects if store == "s3" or catalog == "rest" else None
        return PlacedLake(folder, name, catalog, store, objects, self.database if catalog == "postgres" else None)


class PlacedPyIceberg(PyIceberg):
    def catalog(self, lake):
        return lake.pyiceberg()


class PlacedDuckDB(DuckDB):
    """Reads the metadata file that the catalog names."""

    def __init__(self):
        self._lake = None

    def source(self, lake, table):
        location = lake.pyiceberg().load_table(f"{NAMESPACE}.{table}").metadata_location
        return f"iceberg_scan('{location}')"

    def rows(self, lake, table, where="true"):
        self._lake = lake
        return super().rows(lake, table, where)

    def connect(self):
        connection = super().connect()
        if self._lake.store == "s3":
            store = self._lake.objects
            self.load(connection, "httpfs")
            endpoint = store.s3.removeprefix("http://")
            connection.execute(
                f"CREATE SECRET (TYPE S3, KEY_ID '{store.access_key}', SECRET '{store.secret_key}', REGION '{store.region}', "
                f"ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false)"
            )
        return connection

    def attach(self, lake):
        """A connection that has the tables of a REST server as `lake.NAMESPACE.TABLE`, and may write to them."""
        self._lake, objects = lake, lake.objects
        connection = self.connect()
        login = f"CLIENT_ID '{objects.access_key}', CLIENT_SECRET '{objects.secret_key}', OAUTH2_SERVER_URI '{objects.catalog}/v1/oauth/tokens'"
        connection.execute(f"CREATE SECRET (TYPE ICEBERG, {login})")
        connection.execute(f"ATTACH '{lake.name}' AS lake (TYPE ICEBERG, ENDPOINT '{objects.catalog}', ACCESS_DELEGATION_MODE 'none')")
        return connection


class PlacedClickHouse(ClickHouse):
    """The engine's table functions on the metadata file that the catalog names; behind a REST server its own catalog client."""

    _before = ""

    def source(self, lake, table):
        if lake.catalog == "rest":
            return f"rest.`{NAMESPACE}.{table}`"
        location = lake.pyiceberg().load_table(f"{NAMESPACE}.{table}").metadata_location
        folder, _, file = plain_path(location).rpartition("/metadata/")
        settings = f"SETTINGS iceberg_metadata_file_path = 'metadata/{file}'"
        if lake.store == "local":
            return f"icebergLocal('{folder}/', {settings})"
        url = f"{lake.objects.s3}/{folder.removeprefix('s3://')}/"
        return f"icebergS3('{url}', '{lake.objects.access_key}', '{lake.objects.secret_key}', {settings})"

    def query(self, sql):
        """The engine forgets everything between two calls."""
        return super().query(self._before + sql)

    def rows(self, lake, table, where="1"):
        self._before = self.attaching(lake) if lake.catalog == "rest" else ""
        return super().rows(lake, table, where)

    @staticmethod
    def attaching(lake):
        objects = lake.objects
        settings = {
            "catalog_type": "rest",
            "warehouse": lake.name,
            "catalog_credential": f"{objects.access_key}:{objects.secret_key}",
            "oauth_server_uri": f"{objects.catalog}/v1/oauth/tokens",
            "auth_scope": "catalog",
            "storage_endpoint": f"{objects.s3}/{lake.name}",
        }
        listed = ", ".join(f"{key} = '{value}'" for key, value in settings.items())
        engine = f"DataLakeCatalog('{objects.catalog}/v1', '{objects.access_key}', '{objects.secret_key}')"
        return f"SET allow_database_iceberg = 1; CREATE DATABASE rest ENGINE = {engine} SETTINGS {listed}; "


READERS = [PlacedPyIceberg(), PlacedDuckDB(), PlacedClickHouse()]
