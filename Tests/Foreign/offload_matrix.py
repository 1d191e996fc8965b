"""Chains of disturbed offloads: each disturbed run, or a few, is followed by a whole one and compared with ClickHouse."""

import dataclasses

from fault_matrix import Outcome, Setting, Worker
from offload_slices import Slices
from offload_world import World


@dataclasses.dataclass
class OffloadSetting(Setting):
    program: str
    database: str
    slices: Slices

    @classmethod
    def of(cls, folder, store, objects, postgres, library, slices):
        program = store.tools.path("k2-offload")
        servers = [cls.without_process(server) for server in (objects, postgres)]
        return cls(folder, store.environment(), store.server.port, *servers, library, program, store.database, slices)


class OffloadWorker(Worker):
    def world(self, chain):
        setting = self.setting
        environment = setting.environment | {"K2_CLICKHOUSE_URL": self.clickhouse_url(setting.database)}
        return World(setting.program, setting.slices, self.place(chain), chain.work, environment)

    def run(self, chain):
        world = self.world(chain)
        number, outcomes = 0, []
        if chain.is_prepared:
            self.whole(world, number)
        for disturbances in chain.disturbances:
            number += chain.is_prepared
            outcome = Outcome(chain, '+'.join(chain.work), disturbances)
            outcomes.append(outcome)
            for disturbance in disturbances:
                start = lambda faults: world.start(number, "--retries", "1", faults=faults)
                outcome.runs.append(self.disturbed(world.place.folder, disturbance, start, world.end))
            outcome.problem = status_problem(outcome.runs) or self.whole(world, number)
            if outcome.problem:
                break
            number += not chain.is_prepared
        return outcomes

    def whole(self, world, number):
        status, said = world.run(number)
        if status != 0:
            return f"the run afterwards ended with {status}: {said}"
        return world.problem(number)


def status_problem(runs):
    for run in runs:
        if run.status not in World.ALLOWED:
            return f"a disturbed run ended with {run.status}: {run.said}"
    return None
