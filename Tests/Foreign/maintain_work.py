"""The verbs of maintenance that change something: for each a lake in which it has something to do, and what must be so when it was done."""

from collections import Counter

from audit_process import delete_positions
from maintain_world import AUDITED, FEW, KEPT, NOW, OLD, ONLY, STRICT


class Work:
    """A verb that is about to be run, disturbed, and run again."""

    # As the history has it.
    verb = None
    arguments = ()
    # Statuses that a disturbed run may end with: done, failed, retries used up, unknown, killed.
    allowed = {0, 1, 75, 76, -9}

    def __init__(self, world):
        self.world = world
        # The rows that the table has in the end.
        self.target = world.rows
        self.prepare()
        self.before = world.contents.look()
        assert not self.before.lost
        self.known = dict(self.before.rows)

    def prepare(self):
        """Gives the verb something to do."""

    def undone(self, view):
        """What the verb has left to do, or None."""

    def must_stay(self, view):
        """Snapshots that may not be gone."""
        return set(self.before.rows)

    def start(self, *more, faults=None):
        return self.world.start("k2-maintain", *self.arguments, *ONLY, *more, faults=faults)

    def finish(self):
        """Runs the verb without a disturbance; a problem or None."""
        status, said = self.world.end(self.start())
        if status != 0:
            return f"the run afterwards ended with {status}: {said}"
        line = self.world.last_line(self.verb)
        return None if line in ("done", "nothing") else f"the history says {line}"

    # After any run ----------------------------------------------------------------------------------------

    def problem(self, view, run=None):
        """What is wrong after a run, disturbed or not; or None."""
        if run and run.status not in self.allowed:
            return "not a status that it may end with"
        if run and run.status == 0 and (found := self.undone(view) or self.world.open_problem()):
            return f"not done: {found}"
        return self.reading_problem(view)

    def reading_problem(self, view):
        """What a reader of the table finds wrong, or None."""
        if view.lost:
            return f"files that the table names are gone: {sorted(view.lost)}"
        if gone := self.must_stay(view) - view.rows.keys():
            return f"snapshots are gone: {gone}"
        if KEPT not in view.table.refs():
            return "a tag is gone"
        sizes = self.before.stored
        changed = [path for path in self.before.named if path in view.stored and view.stored[path] != sizes.get(path)]
        if changed:
            return f"files have another size: {changed}"
        return next((found for id, rows in view.rows.items() if (found := self._rows_problem(id, rows))), None)

    def _rows_problem(self, id, rows):
        if id in self.known:
            return None if rows == self.known[id] else f"snapshot {id} has other rows than before: {difference(self.known[id], rows)}"
        # A snapshot of ours, maybe the first of two: what was there, and nothing beside that but what shall be there.
        start = self.before.rows[self.before.current]
        if not (start & self.target) <= rows <= (start | self.target):
            return f"new snapshot {id}: {difference(start, rows)}"
        self.known[id] = rows
        return None


def difference(wanted, found):
    lost, extra = wanted - found, found - wanted
    return f"{lost.total()} rows are missing, {extra.total()} too many; first {next(iter(lost or extra), None)}"


class Compact(Work):
    verb = "compact"
    arguments = ("compact", *FEW)

    def prepare(self):
        self.world.lay_out()

    def undone(self, view):
        parts = Counter(str(file.partition) for file in view.data)
        if max(parts.values()) > 1 or view.deletes:
            return f"{len(view.data)} data files in {len(parts)} partitions, {len(view.deletes)} delete files"
        return rows_undone(self, view)


def rows_undone(work, view):
    rows = view.rows[view.current]
    return None if rows == work.target else f"the table has other rows than it should: {difference(work.target, rows)}"


class CompactDeletes(Compact):
    """Rows that another engine has deleted by position."""

    def prepare(self):
        super().prepare()
        delete_positions(self.world.place, [1, 3], count=2)
        view = self.world.contents.look()
        self.target = view.rows[view.current]
        assert view.deletes and self.target < self.world.rows


class CompactAll(Compact):
    """Rows that are there twice, and many manifests."""

    arguments = ("compact", *FEW, "--dedupe", "--rewrite-manifests")

    def prepare(self):
        self.world.lay_out(twice=self.world.some(5))

    def undone(self, view):
        return super().undone(view) or (f"{len(view.manifests)} manifests" if len(view.manifests) > 1 else None)


class Expire(Work):
    verb = "expire"
    arguments = ("expire", *STRICT)

    def prepare(self):
        table = self.world.lay_out()
        table.manage_snapshots().create_tag(table.snapshots()[-2].snapshot_id, OLD, max_ref_age_ms=1).commit()

    def must_stay(self, view):
        """Those of `main`, of the tag, and the one that tells how far the table is offloaded."""
        marks = [snapshot for snapshot in view.table.snapshots() if "k2.watermark" in snapshot.summary.additional_properties]
        newest = max(marks, key=lambda snapshot: snapshot.sequence_number)
        return {view.current, self.world.kept, newest.snapshot_id}

    def undone(self, view):
        if OLD in view.table.refs():
            return "an old tag is there"
        if old := view.rows.keys() - self.must_stay(view):
            return f"{len(old)} old snapshots are there"
        return rows_undone(self, view)


class Orphans(Work):
    """Files that nothing names: in their places or in quarantine there is always a whole copy."""

    def prepare(self):
        self.strays = self.world.put_strays()
        assert self.world.plan() == self.strays.keys()

    def copies(self, view, stray):
        """The places where it lies whole: its own, or one in quarantine."""
        end = "/files/" + stray[len(view.location) + 1 :]
        places = [stray, *(path for path in view.stored if path.startswith(self.quarantine(view)) and path.endswith(end))]
        return [path for path in places if view.stored.get(path) == len(self.strays[stray])]

    @staticmethod
    def quarantine(view):
        return f"{view.location}/_quarantine/"

    def is_quarantine_empty(self, view):
        return not any(path.startswith(self.quarantine(view)) for path in view.stored)

    def reading_problem(self, view):
        gone = [stray for stray in self.strays if not self.copies(view, stray)]
        return super().reading_problem(view) or (f"no copy is left of {gone}" if gone else None)

    def content_problem(self, paths):
        """The bytes of a stray in each of `paths`."""
        bad = [path for stray, path in paths.items() if self.world.read(path) != self.strays[stray]]
        return f"other bytes in {bad}" if bad else None


class OrphansApply(Orphans):
    verb = "orphans-apply"

    @property
    def arguments(self):
        return ("orphans", "apply", self.world.plan_file)

    def undone(self, view):
        copies = {stray: self.copies(view, stray) for stray in self.strays}
        if left := [stray for stray, found in copies.items() if found[:1] == [stray] or len(found) != 1]:
            return f"not moved: {left}"
        return self.content_problem({stray: found[0] for stray, found in copies.items()})


class OrphansRestore(Orphans):
    verb = "orphans-restore"
    # Also: there is no such quarantine any more, since an earlier run has brought everything back.
    allowed = Work.allowed | {64}

    def prepare(self):
        super().prepare()
        self.world.maintain("orphans", "apply", self.world.plan_file)
        (self.quarantined,) = self.world.quarantines()

    @property
    def arguments(self):
        return ("orphans", "restore", self.quarantined)

    def problem(self, view, run=None):
        if run and run.status == 64 and (found := self.undone(view)):
            return f"refused, but {found}"
        return super().problem(view, run)

    def undone(self, view):
        if left := [stray for stray in self.strays if stray not in view.stored]:
            return f"not brought back: {left}"
        if not self.is_quarantine_empty(view):
            return "something is left in quarantine"
        return self.content_problem({stray: stray for stray in self.strays})

    def finish(self):
        if self.undone(self.world.contents.look()) is None:
            # The disturbed run has done everything: there is no such quarantine any more.
            status, said = self.world.end(self.start())
            return None if status == 64 and "no table has a quarantine" in said else f"the run afterwards ended with {status}: {said}"
        return super().finish()


class OrphansPurge(OrphansRestore):
    verb = "orphans-purge"
    arguments = ("orphans", "purge", *NOW)
    allowed = Work.allowed

    def reading_problem(self, view):
        return Work.reading_problem(self, view)

    def undone(self, view):
        return None if self.is_quarantine_empty(view) else "something is left in quarantine"

    def finish(self):
        return Work.finish(self)


class Repair(Work):
    """Rows that the lake lost, and rows that it has twice."""

    verb = "audit"
    arguments = ("audit", "--repair", *AUDITED)
    # Also: a check found a difference, could not decide, a server refuses for good.
    allowed = Work.allowed | {3, 4, 69}

    def prepare(self):
        drawn = self.world.some(6)
        self.world.lay_out(without=drawn[:3], twice=drawn[3:])

    def undone(self, view):
        return rows_undone(self, view)

    def finish(self):
        """What is left open after a repair that was all but done is the next offload's to settle."""
        found = super().finish()
        if found is None:
            self.world.must("k2-offload", "run", *ONLY, "--safety-lag", "0s")
        return found


class RunAll(Expire):
    """All that is due; orphans are only planned."""

    verb = "audit"
    allowed = Repair.allowed

    def prepare(self):
        super().prepare()
        self.strays = self.world.put_strays()

    @property
    def arguments(self):
        return ("run", *FEW, *STRICT, "--orphans-older-than", "0s", "--orphans-plan", self.world.plan_file, *AUDITED)

    def undone(self, view):
        parts = Counter(str(file.partition) for file in view.data)
        if max(parts.values()) > 1:
            return f"{len(view.data)} data files in {len(parts)} partitions"
        if not self.strays.keys() <= self.world.planned <= view.strays:
            return f"planned orphans: {sorted(self.world.planned)}, there are {sorted(view.strays)}"
        return super().undone(view)


KINDS = {
    "compact": Compact,
    "compact-deletes": CompactDeletes,
    "compact-all": CompactAll,
    "expire": Expire,
    "orphans-apply": OrphansApply,
    "orphans-restore": OrphansRestore,
    "orphans-purge": OrphansPurge,
    "audit-repair": Repair,
    "run": RunAll,
}
