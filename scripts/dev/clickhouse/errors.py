"""Errors as a client of the HTTP interface sees them."""

import re

# The status that the HTTP handler gives to an error, by the name of its code; everything else is a 500.
STATUS_OF = {
    401: "REQUIRED_PASSWORD",
    403: "UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED",
    400: """BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE
        CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER
        CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_UUID
        CANNOT_PARSE_INPUT_ASSERTION_FAILED DUPLICATE_COLUMN ILLEGAL_COLUMN UNKNOWN_ELEMENT_IN_AST
        UNKNOWN_TYPE_OF_AST_NODE THERE_IS_NO_COLUMN TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE
        SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE""",
    404: """UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE
        UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT
        UNKNOWN_DATABASE_ENGINE UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE""",
    408: "TIMEOUT_EXCEEDED",
    411: "HTTP_LENGTH_REQUIRED",
    413: "QUERY_IS_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    501: "NOT_IMPLEMENTED",
    503: "SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK",
}
STATUS_BY_NAME = {name: status for status, names in STATUS_OF.items() for name in names.split()}

# The codes that this server raises itself; the names of all others come from the engine.
SYNTAX_ERROR, NOT_IMPLEMENTED, READONLY, STD_EXCEPTION = 62, 48, 164, 1001
CHECKSUM_DOESNT_MATCH, CANNOT_READ_ALL_DATA, TOO_LARGE_BLOCK, UNKNOWN_CODEC, CANNOT_DECOMPRESS = 40, 33, 39, 432, 271
INFLATE_FAILED, BROTLI_FAILED, ZSTD_FAILED, LZ4_FAILED = 354, 448, 561, 618
REQUIRED_PASSWORD, AUTHENTICATION_FAILED = 194, 516
LENGTH_REQUIRED, TOO_MANY_QUERIES, SAME_QUERY_ID = 381, 202, 216
SESSION_NOT_FOUND, SESSION_LOCKED, BAD_SESSION_TIMEOUT, SESSION_ID_EMPTY = 372, 373, 374, 744

_ENGINE_ERROR = re.compile(r"(?:Code: (\d+)\. DB::(?:Net)?Exception: )+(.*)", re.S)
_NAME_AT_END = re.compile(r"\s*\([A-Z0-9_]+\)\s*(?:\(version [^()]*(?:\([^()]*\))?\)\s*)?$")
# The engine reads the data of an INSERT from a file, and a server does not.
_OF_FILE = re.compile(r": \(in file/uri [^)]*\)|: While executing File: data for INSERT was parsed from file")


class ServerError(Exception):
    """A code and its text. `status` overrides the status that belongs to the code."""

    def __init__(self, code, text, status=None):
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


class ConnectionCut(Exception):
    """The client went away, or a fault asked for the connection to be cut: nothing more can be said to it."""


def from_engine(error):
    """The engine raises plain exceptions whose text holds the code, behind words of the binding."""
    found = _ENGINE_ERROR.search(str(error))
    if not found:
        return ServerError(STD_EXCEPTION, f"{type(error).__name__}: {error}")
    text = found[2]
    while (shorter := _NAME_AT_END.sub("", text.rstrip(". \n"))) != text.rstrip(". \n"):
        text = shorter
    return ServerError(int(found[1]), _OF_FILE.sub("", text))


class ErrorTexts:
    """Codes to names and statuses, and the one form in which all errors are written."""

    def __init__(self, names, version):
        self._names, self._version = names, version

    def name(self, error):
        return self._names.get(error.code, "UNKNOWN_EXCEPTION")

    def status(self, error):
        return error.status or STATUS_BY_NAME.get(self.name(error), 500)

    def text(self, error):
        text = f"Code: {error.code}. DB::Exception: {error.text.rstrip()}"
        if text[-1] not in ".!?":
            text += "."
        text += f" ({self.name(error)})"
        # Who has not proved who they are does not learn the version.
        if error.code not in (REQUIRED_PASSWORD, AUTHENTICATION_FAILED):
            text += f" (version {self._version} (official build))"
        return text + "\n"
