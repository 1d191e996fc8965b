"""Faults that tests ask for with `/_test/fault`.

A fault is a JSON object; it happens to the next `count` requests whose query text holds `match`:

    when     before    nothing was done yet
             after     everything was done, and only the answer is touched (the default for `half` and `cut_at`)
    delay    seconds to wait first
    status   answer with this HTTP status, an error `code` and a `message`
    drop     close the connection without an answer
    half     send half of the answer, then close the connection
    cut_at   send this many bytes of the result, then fail as a query fails in the middle of its result
"""

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
