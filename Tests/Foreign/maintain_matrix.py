"""Chains of disturbed maintenance: after each disturbed run the table reads as before, after the whole one the work is done and all rubbish is found."""

import dataclasses
import random

from fault_matrix import SEED, Outcome, Setting, Worker
from maintain_work import KINDS
from maintain_world import World


@dataclasses.dataclass
class MaintainSetting(Setting):
    programs: dict
    database: str

    @classmethod
    def of(cls, folder, store, objects, postgres, library):
        programs = {name: store.tools.path(name) for name in ("k2-offload", "k2-maintain")}
        servers = [cls.without_process(server) for server in (objects, postgres)]
        return cls(folder, store.environment(), store.server.port, *servers, library, programs, store.database)


class MaintainWorker(Worker):
    def world(self, chain):
        setting = self.setting
        environment = setting.environment | {"K2_CLICKHOUSE_URL": self.clickhouse_url(setting.database)}
        return World(setting.programs, self.place(chain), environment, random.Random(f"{SEED} {chain.disturbances}"))

    def run(self, chain):
        world = self.world(chain)
        world.make()
        outcomes = []
        for number, disturbances in enumerate(chain.disturbances):
            kind = chain.work[number % len(chain.work)]
            outcome = Outcome(chain, kind, disturbances)
            outcomes.append(outcome)
            work = KINDS[kind](world)
            is_last = number == len(chain.disturbances) - 1
            outcome.problem = self.disturb(world, work, outcome) or (is_last and world.readers_problem()) or self.finish(world, work)
            if outcome.problem:
                break
        return outcomes

    def disturb(self, world, work, outcome):
        """Disturbed runs; what is wrong after one of them, or None."""
        start = lambda faults: work.start("--retries", "1", faults=faults)
        for disturbance in outcome.disturbances:
            run = self.disturbed(world.place.folder, disturbance, start, world.end)
            outcome.runs.append(run)
            if found := work.problem(world.contents.look(), run):
                return f"a disturbed run ended with {run.status}: {found}: {run.said}"
        return None

    @staticmethod
    def finish(world, work):
        """A whole run, and then the search for orphans; what is wrong after them, or None."""
        if found := work.finish():
            return found
        view = world.contents.look()
        return work.problem(view) or work.undone(view) or world.open_problem("offload_leases") or world.leftovers_problem()
