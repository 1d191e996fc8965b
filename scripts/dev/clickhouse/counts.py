"""What the server has done and what it cost, for `/_test/stats`."""

import contextlib
import resource
import threading


class Counts:
    """What was done since the start or the last reset, and what it cost."""

    NAMES = ("requests", "inserts", "rows_inserted", "bytes_received", "bytes_sent", "errors")

    def __init__(self):
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        with self._lock:
            self._values = dict.fromkeys(self.NAMES, 0)
            self._cpu_before = _cpu()
            _forget_peak()

    def add(self, **amounts):
        with self._lock:
            for name, amount in amounts.items():
                self._values[name] += amount

    def as_dict(self):
        with self._lock:
            user, system = (now - before for now, before in zip(_cpu(), self._cpu_before, strict=True))
            return self._values | {
                "cpu_seconds": round(user + system, 6),
                "cpu_user_seconds": round(user, 6),
                "cpu_system_seconds": round(system, 6),
                "rss_bytes": _memory("VmRSS"),
                "peak_rss_bytes": _memory("VmHWM"),
            }


def _cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def _memory(name):
    """A figure of this process in bytes, 0 where the system does not tell."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def _forget_peak():
    """The peak is counted from here on."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
