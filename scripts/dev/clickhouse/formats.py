"""Putting a result together from the engine's chunks.

The engine writes every chunk as a result of its own. Some formats are just rows one after the other, so their chunks
can be, too. Some begin with names and types, which all chunks but the first have to lose. The others are documents
that have to be written in one piece.
"""

PLAIN = frozenset(
    """TabSeparated TSV TabSeparatedRaw TSVRaw Raw CSV JSONEachRow JSONLines NDJSON JSONStringsEachRow
    JSONCompactEachRow JSONCompactStringsEachRow RowBinary Native Null LineAsString RawBLOB MsgPack Vertical""".split()
)
_LINES = {
    f"{base}{suffix}": lines
    for base in ("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV", "JSONCompactEachRow", "JSONCompactStringsEachRow")
    for suffix, lines in (("WithNames", 1), ("WithNamesAndTypes", 2))
}
_BINARY = {"RowBinaryWithNames": 1, "RowBinaryWithNamesAndTypes": 2}


def can_be_streamed(name):
    return name in PLAIN or name in _LINES or name in _BINARY


def writes_nothing_without_rows(name):
    return name in PLAIN and name != "Native"


def without_prefix(name, chunk):
    """A chunk that is not the first, without the names and types."""
    if name in _LINES:
        at = 0
        for _ in range(_LINES[name]):
            at = chunk.index(b"\n", at) + 1
        return memoryview(chunk)[at:]
    if name in _BINARY:
        return memoryview(chunk)[_binary_prefix(chunk, _BINARY[name]) :]
    return chunk


def _binary_prefix(chunk, parts):
    """The number of columns, then for each part that many strings."""
    columns, at = _varint(chunk, 0)
    for _ in range(columns * parts):
        length, at = _varint(chunk, at)
        at += length
    return at


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
