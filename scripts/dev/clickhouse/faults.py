"""What tests ask for with `/_test/…`: faults to happen on demand, and figures about the process.

A fault is a JSON object; it happens to the next `count` requests whose query text holds `match`:

    when     before    nothing was done yet
             after     everything was done, and only the answer is touched (the default for `half` and `cut_at`)
    delay    seconds to wait first
    status   answer with this HTTP status, an error `code` and a `message`
    drop     close the connection without an answer
    half     send half of the answer, then close the connection
    cut_at   send this many bytes of the result, then fail as a query fails in the middle of its result
"""

import os
import resource
import threading
import time

from .errors import TOO_MANY_QUERIES, ConnectionCut, ServerError


class Faults:
    def __init__(self):
        self._lock, self._waiting = threading.Lock(), []

    def add(self, fault):
        defaults = {"count": 1, "match": "", "when": "after" if fault.keys() & {"half", "cut_at"} else "before"}
        with self._lock:
            self._waiting.append(defaults | fault)

    def clear(self):
        with self._lock:
            self._waiting.clear()

    def happen(self, when, text, reply):
        """Raises, or changes how `reply` goes out, when a fault waits for this query."""
        fault = self._take(when, text)
        if not fault:
            return
        time.sleep(fault.get("delay", 0))
        if fault.get("drop"):
            raise ConnectionCut("a fault")
        if "status" in fault:
            message = fault.get("message", "Too many simultaneous queries (a fault of the test)")
            raise ServerError(fault.get("code", TOO_MANY_QUERIES), message, fault["status"])
        reply.half, reply.cut_at = bool(fault.get("half")), fault.get("cut_at")

    def _take(self, when, text):
        with self._lock:
            for fault in self._waiting:
                if fault["count"] > 0 and fault["when"] == when and fault["match"].encode() in text:
                    fault["count"] -= 1
                    return fault
        return None


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

    def add(self, **amounts):
        with self._lock:
            for name, amount in amounts.items():
                self._values[name] += amount

    def as_dict(self):
        with self._lock:
            user, system = (now - before for now, before in zip(_cpu(), self._cpu_before))
            return self._values | {
                "cpu_seconds": round(user + system, 6),
                "cpu_user_seconds": round(user, 6),
                "cpu_system_seconds": round(system, 6),
                "rss_bytes": _resident(),
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }


def _cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def _resident():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
