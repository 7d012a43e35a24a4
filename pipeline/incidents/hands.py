"""Does the machine's part of a playbook: the same as its own commands, named as in the playbooks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from checks.policy import DatabasePolicy
from pipeline.config import Config
from pipeline.emergency.access import RollbackOrder
from pipeline.emergency.rollback import rollback_now
from pipeline.errors import PipelineError
from pipeline.handbook.situation import Situation
from pipeline.incidents.person import Nobody, Person
from pipeline.record.journal import new_run_id
from pipeline.session import restoring
from pipeline.session.deploy import settle_run
from pipeline.session.runs import lock_by_hand, release_lock
from pipeline.session.session import Session
from pipeline.signals import restored
from pipeline.steps import relief
from pipeline.world.world import World

LOCK_HOURS = 4
TOLD = ("ROLLED BACK", "ALREADY", "STRANDED", "serves", "answers", "because", "BY HAND", "pinned")
"""How the lines of a rollback begin that belong into an incident's record."""


@dataclass(frozen=True)
class Did:
    """What came of an act, in a few words."""

    worked: bool
    says: str


@dataclass(frozen=True)
class Hands:
    """The hands of the machine on one target. ``deploy_file`` may be broken: the emergency does not need it."""

    session: Session
    config: Config
    root: Path
    deploy_file: Path
    by: str
    person: Person = field(default_factory=Nobody)
    """Who types the target's name before its database is overwritten."""

    def do(self, name: str, seen: Situation) -> Did:
        """Do the act that is called ``name``. What goes wrong is an answer, not an exception: the playbook goes on."""
        try:
            return HANDS[name](self, seen)
        except PipelineError as error:
            return Did(False, str(error))

    def roll_back(self, seen: Situation) -> Did:
        said: list[str] = []
        with restored():
            code = rollback_now(RollbackOrder(target=self._target), self.root, self.deploy_file, said.append)
        kept = [line for text in said for line in text.splitlines() if line.strip().startswith(TOLD)]
        return Did(code == 0, "; ".join(" ".join(line.split()) for line in kept or said))

    def settle(self, seen: Situation) -> Did:
        with restored():
            report, _ = settle_run(
                self.config, self._target, seen.cut_off, self.root, lambda redactor, run: lambda event: None
            )
        return Did(report.outcome == "rolled back", f"run {report.run} ended: {report.outcome}")

    def lock(self, seen: Situation) -> Did:
        return Did(True, str(lock_by_hand(self.config, self.root, self._target, "an incident", LOCK_HOURS, self.by)))

    def unlock(self, seen: Situation) -> Did:
        return Did(True, str(release_lock(self.config, self.root, self._target)))

    def restart_compute(self, seen: Situation) -> Did:
        policy = self.session.settings.policies[DatabasePolicy]
        return self._carry_out(lambda world: relief.restart_compute(world, policy))

    def end_idle_transactions(self, seen: Situation) -> Did:
        return self._carry_out(relief.end_idle_transactions)

    def end_blockers(self, seen: Situation) -> Did:
        return self._carry_out(relief.end_blockers)

    def resolve_migration(self, seen: Situation) -> Did:
        return self._carry_out(lambda world: relief.resolve_migration(world, seen.failed_migration))

    def restore_database(self, seen: Situation) -> Did:
        run = new_run_id(self.session.clock.now())
        plan = restoring.plan_to(self.session, seen.restorable, run, self.person.say)
        self.person.say(self.session.redactor(plan.brief))
        if not self._may_overwrite():
            return Did(False, "nothing was changed: the name of the target was not typed")
        kept, took = restoring.restore(self.session, plan, run, self.person.say)
        return Did(True, f"restored to {plan.point.name} in {took:.0f} s; the database before is kept as {kept.name}")

    def _may_overwrite(self) -> bool:
        """Where nobody is there to type the name, only the sandbox's database may be overwritten."""
        if self.person.auto:
            return bool(self.session.settings.control)
        return self.person.writes(f"To overwrite the database of {self._target} type {self._target}:") == self._target

    @property
    def _target(self) -> str:
        return self.session.settings.name

    def _carry_out(self, act: Callable[[World], Awaitable[str]]) -> Did:
        return Did(True, self.session.redactor(self.session.in_world("playbook", act)))


HANDS: dict[str, Callable[[Hands, Situation], Did]] = {
    function.__name__: function
    for function in (
        Hands.roll_back,
        Hands.settle,
        Hands.lock,
        Hands.unlock,
        Hands.restart_compute,
        Hands.end_idle_transactions,
        Hands.end_blockers,
        Hands.resolve_migration,
        Hands.restore_database,
    )
}
