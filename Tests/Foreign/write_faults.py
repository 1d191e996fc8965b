"""Faults in what a program writes: `write_faults.c`, compiled once and put into the program's environment."""

import functools
import pathlib
import shutil
import struct
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).with_name("write_faults.c")
# Waits between tries are made so many times shorter: what is tested is what happens, not when.
HASTE = 200


@functools.cache
def library():
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, "no C compiler: the Swift toolchain has clang"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="k2-write-faults-"))
    file = folder / "write_faults.so"
    subprocess.run([compiler, "-O1", "-fPIC", "-shared", "-o", file, SOURCE, "-ldl"], check=True)
    return file


class WriteFault:
    """What happens at one step of a program. `under`: only files below it count, and no connections."""

    def __init__(self, library, report, action="count", step=0, under=None, merged=False):
        self._report = pathlib.Path(report)
        self._report.unlink(missing_ok=True)
        self.environment = {
            "LD_PRELOAD": str(library),
            "K2_FAULT_ACTION": action,
            "K2_FAULT_STEP": str(step),
            "K2_FAULT_REPORT": str(report),
            "K2_FAULT_HASTE": str(HASTE),
        }
        if merged:
            self.environment["K2_FAULT_MERGE"] = "1"
        if under:
            self.environment["K2_FAULT_UNDER"] = str(under)

    @property
    def steps(self):
        """Steps that were counted, and the name of the last one; no more than the chosen one."""
        content = self._content
        return self.counts[0], content[16:].split(b"\0")[0].decode()

    @property
    def counts(self):
        """Steps, and calls at files one by one, merged or not."""
        return struct.unpack_from("<qq", self._content)

    @property
    def _content(self):
        return self._report.read_bytes() if self._report.exists() else bytes(16)
