"""URL parameters: those of the protocol, those of the query, and settings."""

from urllib.parse import parse_qsl

from .errors import NOT_IMPLEMENTED, ServerError

RESERVED = frozenset(
    """query compress decompress user password quota_key query_id stacktrace role buffer_size wait_end_of_query
    session_id session_timeout session_check client_protocol_version close_session database default_format""".split()
)
_OF_QUERY = "param_"


class Parameters(dict):
    """The last value of every name, with what is asked of them. Two of them may come as headers."""

    def __init__(self, query_string, headers):
        pairs = parse_qsl(query_string, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
        super().__init__((name, value) for name, value in pairs if name)
        if self.get("role"):
            raise ServerError(NOT_IMPLEMENTED, "Roles are not implemented by this server")
        self.database = headers.get("X-ClickHouse-Database") or self.get("database", "")
        self.default_format = headers.get("X-ClickHouse-Format") or self.get("default_format", "")

    def on(self, name, default=False):
        return self[name].lower() in ("1", "true", "yes") if name in self else default

    @property
    def settings(self):
        return {name: value for name, value in self.items() if name not in RESERVED and not name.startswith(_OF_QUERY)}

    @property
    def of_query(self):
        return {name[len(_OF_QUERY) :]: value for name, value in self.items() if name.startswith(_OF_QUERY)}
