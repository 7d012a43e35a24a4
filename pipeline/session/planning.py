"""The plan of a run, and who agreed to it: written down as they are read. Why a run whose rules changed ends."""

from collections.abc import Callable
from typing import Any

from checks.evidence import GivenApprovals, PullRequest, ReleasePlan
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

    return noting_people(journal, seen)


def noting_people(journal: Journal, keep: Callable[[Any], None]) -> Callable[[Any], None]:
    """``keep``, and a note in the journal of who has agreed whenever that is read and differs: people ask later."""
    agreed: dict[type, list[dict[str, str]]] = {}
    change: dict[str, str] = {}
    last: list[dict[str, Any]] = [{}]

    def seen(value: Any) -> None:
        keep(value)
        if not isinstance(value, PullRequest | GivenApprovals):
            return
        people = value.approvals if isinstance(value, PullRequest) else value.given
        agreed[type(value)] = [{"by": one.by, "at": one.at, "via": one.via} for one in people]
        if isinstance(value, PullRequest) and value.number:
            change.update(number=str(value.number), author=value.author)
        given = [person for some in agreed.values() for person in some]
        said: dict[str, Any] = {"approvals": given, "change": dict(change)}
        if said != last[0] and any(said.values()):
            last[0] = said
            journal.append("approvals read", **said)

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
