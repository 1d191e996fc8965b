"""Finding the data of an INSERT, and the format of a result, in the text of a query.

The engine takes the statement and the data apart from each other; over HTTP they are one stream of bytes.
"""

import re

from .errors import SYNTAX_ERROR, ServerError

_TOKEN = re.compile(
    rb"""\s+|--[^\n]*(?:\n|\Z)|\#[!\ ][^\n]*(?:\n|\Z)|/\*.*?\*/
    |'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"
    |[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9A-Za-z_.]*|.""",
    re.S | re.X,
)
_SKIPPED = re.compile(rb"\s|--|/\*|\#[! ]")
_BEFORE_DATA = re.compile(rb"[ \t\f]*\r?\n?")

# What makes an INSERT one whose data is not behind it.
_NO_DATA = (b"SELECT", b"WITH", b"WATCH", b"INFILE", b";")

# More bytes are needed to say what the statement is.
MORE = object()


class Insert:
    """An INSERT with data behind it: its text, its own settings, the format, and where the data starts."""

    def __init__(self, text, settings_at, data_format, data_at):
        settings_at = settings_at or len(text)
        self.text, self.settings = _as_text(text[:settings_at]), _as_text(text[settings_at:][len(b"SETTINGS") :])
        self.format, self.data_at = data_format, data_at


def _as_text(part):
    """More words follow, and the last line may be a comment."""
    part = part.decode("utf-8", "surrogateescape").strip()
    return part and part + "\n"


def tokens(text):
    """(token in capitals, start, end), without spaces and comments."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        at = found.end()
        if not _SKIPPED.match(found[0]):
            yield found[0].upper(), found.start(), at


def find_insert(text, ended):
    """An `Insert`, None when the statement is anything else, or MORE while `text` is only its beginning."""
    depth, first, settings_at = 0, True, None
    names = tokens(text)
    for token, start, end in names:
        if end == len(text) and not ended:
            return MORE
        if (first and token != b"INSERT") or (not depth and token in _NO_DATA):
            return None
        first = False
        depth += (token == b"(") - (token == b")")
        if not depth and token == b"SETTINGS":
            settings_at = start
        if not depth and token == b"VALUES":
            return Insert(text[:start], settings_at, "Values", end)
        if not depth and token == b"FORMAT":
            return _with_format(text, start, settings_at, names, ended)
    return None if ended else MORE


def _with_format(text, start, settings_at, names, ended):
    name = next(names, None)
    if name is None:
        return None if ended else MORE
    if name[2] == len(text) and not ended:
        return MORE
    if text[name[2] :].lstrip()[:1] == b";":
        raise ServerError(SYNTAX_ERROR, "You have excessive ';' symbol before data for INSERT.")
    data_at = _BEFORE_DATA.match(text, name[2]).end()
    if data_at == len(text) and not ended and text[-1:] != b"\n":
        return MORE
    return Insert(text[:start], settings_at, text[name[1] : name[2]].decode(), data_at)


def result_format(text):
    """The name behind the last FORMAT outside of brackets, or None."""
    depth, before, found = 0, None, None
    for token, start, end in tokens(text):
        depth += (token in (b"(", b"[")) - (token in (b")", b"]"))
        if not depth and before == b"FORMAT" and token[:1].isalpha():
            found = text[start:end].decode()
        before = token
    return found
