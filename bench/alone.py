"""Runs one contest by itself and prints its part of the report; scripts/bench runs it with the others."""

import os
import pathlib
import sys
import tempfile

from markdown import table


def given_trades():
    """The file of trades of the command line, how many there are, and the rounds."""
    trades = pathlib.Path(sys.argv[1])
    with open(trades, "rb") as file:
        return trades, sum(1 for _ in file), given_rounds(2)


def given_rounds(position):
    return int(sys.argv[position]) if len(sys.argv) > position else 1


def report(measure, *, targets, section, raw_numbers):
    """`measure` gets what finds a tool by its name, and an empty folder."""
    binaries = pathlib.Path(os.environ.get("K2_BIN", "."))
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(lambda name: str(binaries / name), pathlib.Path(folder))
    print(f"{table(['', 'measured', 'target', ''], targets(measured))}\n\n{section(measured)}\n\n{raw_numbers(measured)}")
