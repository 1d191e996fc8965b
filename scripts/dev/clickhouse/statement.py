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

# More bytes are needed to say what the statement is.
MORE = object()


class Insert:
    """An INSERT with data behind it: its text without FORMAT, the format if there is one, where the data starts."""

    def __init__(self, text, data_format, data_at):
        self.text, self.format, self.data_at = text.decode("utf-8", "replace").strip(), data_format, data_at


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
    found = _find_insert(text, ended)
    return MORE if found is _CUT else found


_CUT = object()


def _find_insert(text, ended):
    depth, first = 0, True
    names = tokens(text)
    for token, start, end in names:
        if end == len(text) and not ended:
            return _CUT
        if first and token != b"INSERT":
            return None
        first = False
        depth += (token == b"(") - (token == b")")
        if depth or token in (b"(", b")"):
            continue
        if token in (b"SELECT", b"WITH", b"WATCH", b"INFILE"):
            return None
        if token == b"VALUES":
            return Insert(text[:start], "Values", end)
        if token == b"FORMAT":
            return _with_format(text, start, names, ended)
        if token == b";":
            return Insert(text[:start], None, end)
    if not ended:
        return _CUT
    return None if first else Insert(text, None, len(text))


def _with_format(text, start, names, ended):
    name = next(names, None)
    if name is None:
        return None if ended else _CUT
    if name[2] == len(text) and not ended:
        return _CUT
    if text[name[2] :].lstrip()[:1] == b";":
        raise ServerError(SYNTAX_ERROR, "You have excessive ';' symbol before data for INSERT.")
    data_at = _BEFORE_DATA.match(text, name[2]).end()
    if data_at == len(text) and not ended and text[-1:] != b"\n":
        return _CUT
    return Insert(text[:start], text[name[1] : name[2]].decode(), data_at)


def result_format(text):
    """The name behind the last FORMAT outside of brackets, or None."""
    depth, before, found = 0, None, None
    for token, start, end in tokens(text):
        depth += (token in (b"(", b"[")) - (token in (b")", b"]"))
        if not depth and before == b"FORMAT" and token[:1].isalpha():
            found = text[start:end].decode()
        before = token
    return found
