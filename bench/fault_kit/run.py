"""One run, in a state directory of its own: python -m bench.fault_kit.run. Its plan is in that directory.

Exit status: 0 everything holds, 1 something does not, 2 the campaign itself could not go on, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

from bench.fault_kit import launch, stage, steps, table, variants
from bench.fault_kit.campaign import Campaign, Halted
from bench.fault_kit.control import Control
from bench.fault_kit.crowd import Spec
from bench.fault_kit.evidence import Chain, Database, Provider, refunds_asked
from bench.fault_kit.house import House
from bench.fault_kit.plan import Plan
from bench.fault_kit.reckoning import Reckoning, reckon
from bench.figures import report
from scripts.demo.story import World
from scripts.machine import apps, layout, ports, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

HOLDS, DIFFERS, BROKEN_OFF, INTERRUPTED = 0, 1, 2, 130
RESULT = layout.STATE / "result.json"
PLAN = layout.STATE / "plan.json"
_START_SECONDS = 60.0


class Run:
    """From nothing to the reckoning."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.control = plan, Control()
        self.house = House(plan, self.control.path)
        self.campaign = Campaign(plan, self.house, self.control)
        self._begun = time.monotonic()

    def run(self, *, as_json: bool) -> int:
        """Do all of it; return the exit status."""
        try:
            self._prepare()
            say.heading(f"Faults: {self.plan.name}, seed {self.plan.seed}")
            quiet = self._faults()
            found = self._reckon()
            return self._tell(found, quiet, as_json=as_json)
        finally:
            self.house.close()
            self.control.close()

    def _prepare(self) -> None:
        say.heading("Starting")
        self.house.open()
        with say.step("API, workers, beat, indexer, Stripe's simulator"):
            for name in self.house.programs:
                if name != "crowd":
                    self.house.start(name)
            self._wait("the API", lambda: apps.answers(self.house.api_port, "/ready"))
        world = World.load(layout.WORLD)
        with say.step("shows on sale"):
            sales = stage.prepare(world, self.plan, lambda: self.house.anvil.mine(2))
        self.house.slow_down_chain()
        plan = self.plan
        spec = Spec(
            seed=plan.seed,
            api=world.api,
            rpc=world.rpc,
            admin_key=world.admin_key,
            mail_port=self.house.mail_port,
            buyers=plan.buyers,
            fans=plan.fans,
            rate=plan.rate,
            sales=sales,
            journal=str(layout.STATE / "purchases.jsonl"),
        )
        spec.to_file(layout.STATE / "crowd.json")
        with say.step("buyers signed in"):
            self.house.start("crowd")
            self._wait("the crowd", lambda: any("ready" in message for _, message in self.control.hear(0.1)))

    def _wait(self, what: str, is_there: Callable[[], bool]) -> None:
        if not ports.wait_until(is_there, lambda: True, _START_SECONDS):
            raise Trouble(f"{what} is not there after {_START_SECONDS:.0f} s; logs in {layout.LOGS}")

    def _faults(self) -> float | None:
        self.campaign.run()
        say.note("No more faults. Waiting until everything has come to its end.")
        database = Database(self.house.database())

        def is_quiet() -> bool:
            return not database.unfinished() and database.indexed_up_to() >= self.house.head() - 1

        return self.campaign.settle(self.plan.quiet_seconds, is_quiet)

    def _reckon(self) -> Reckoning:
        with say.step("reckoning"):
            stripe = f"http://{ports.LOOPBACK}:{self.house.stripe_port}"
            database = Database(self.house.database())
            asked = refunds_asked(layout.STATE / "purchases.jsonl")
            return reckon(Chain(self.house.anvil.url), Provider.ask(stripe), database, asked)

    def _tell(self, found: Reckoning, quiet: float | None, *, as_json: bool) -> int:
        RESULT.write_text(json.dumps({name: findings for name, findings in found.findings.items() if findings}))
        table.show_steps(self.campaign)
        table.show_tally(self.campaign)
        table.show_findings(found)
        took = time.monotonic() - self._begun
        return report(table.figures(self.campaign, found, quiet, took), as_json=as_json)


def main() -> int:
    """Run the plan of this state directory."""
    os.umask(0o077)
    gone = [*steps.missing(), *steps.missing(launch.POINTS), *variants.missing()]
    if gone:
        say.line("These steps cannot be reached any more; name their functions anew in bench/fault_kit/steps.py:")
        for reason in gone:
            say.line(f"  {reason}")
        return BROKEN_OFF
    plan = Plan.from_file(PLAN)
    try:
        with interruptible():
            return Run(plan).run(as_json="--json" in sys.argv)
    except Halted as halted:
        say.line(f"\n  FAIL  {halted}")
        return DIFFERS
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return BROKEN_OFF
    except Interrupted:
        say.line("\nStopped.")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
