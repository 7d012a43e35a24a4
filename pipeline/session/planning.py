"""The plan of a run: written down as it is read, and the reason why a run whose rules have changed does not go on."""

from collections.abc import Callable
from typing import Any

from checks.evidence import ReleasePlan
from pipeline.engine.planned import changed
from pipeline.errors import Mistake
from pipeline.record.journal import Event, Journal
from pipeline.record.plans import KIND, parts_of, plan_in
from pipeline.session.session import Session


def noting_plan(journal: Journal, keep: Callable[[Any], None]) -> Callable[[Any], None]:
    """``keep``, and a note in the journal of every plan that differs from the one before: people approve that."""
    last = [plan.hash if (plan := plan_in(journal.events())) else ""]

    def seen(value: Any) -> None:
        keep(value)
        if isinstance(value, ReleasePlan) and value.hash != last[0]:
            last[0] = value.hash
            journal.append(KIND, value.hash, exact={"plan": value})

    return seen


def must_be_as_planned(session: Session, earlier: tuple[Event, ...]) -> None:
    """Raises Mistake when the gates, what they require or the waivers are others now than when the run began."""
    before = parts_of(earlier[0].body.get("rules", ())) if earlier else ()
    differ = changed(before, session.rules) if before else ()
    if differ:
        run, target = earlier[0].run, session.settings.name
        raise Mistake(
            f"run {run}: the {' and the '.join(differ)} changed since it began, so other questions have passed; "
            f"./inv settle --target {target} --run {run}   goes back; "
            f"./inv deploy --target {target}   then begins with a new plan"
        )
