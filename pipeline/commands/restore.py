"""``invoke database.restore``: plans a restore of production's database, asks, and carries it out."""

from collections.abc import Callable
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.record.journal import new_run_id
from pipeline.render.database import restore_text
from pipeline.session.restoring import plan_to, restore
from pipeline.session.session import open_session
from pipeline.world.secrets import SECRETS

Out = Callable[[str], None]


def restore_database(
    config: Config, target: str, to: str, yes: str, root: Path, out: Out, typed: Callable[[str], str]
) -> bool:
    """Restore the database to what run ``to``, or the point of that name, kept. True when it was carried out.

    ``yes`` is the target's name, as a person typed it; else ``typed`` asks for it; without a terminal it gives nothing.
    Raises Mistake, Locked or ServiceError; a restore that fails has changed nothing, or says what it left.
    """
    if not to:
        raise Mistake("database.restore: say --to RUN, a run that kept a restore point; ./inv history lists them")
    with open_session(config, target, root, SECRETS) as session:
        name = session.settings.name
        if yes and yes != name:
            raise Mistake(f"--yes-restore {yes}: is not the name of the target; to overwrite its database say {name}")
        run = new_run_id(session.clock.now())
        plan = plan_to(session, to, run, out)
        again = f"./inv database.restore --target {name} --to {to} --yes-restore {name}"
        out(session.redactor(restore_text(plan, "" if yes else again)))
        if not yes and typed(f"To overwrite the database of {name} type {name}:") != name:
            out("nothing was changed")
            return False
        kept, took = restore(session, plan, run, out)
        says = (
            f"RESTORED to {plan.point.name} in {took:.0f} s; what was there before is kept as {kept.name} ({kept.by})"
        )
        undo = f"./inv database.restore --target {name} --to {kept.name}"
        newer = f"./inv rollback --target {name}   when newer code is live"
        out(session.redactor(f"{says}\n  undo     {undo}\n  next     {newer}"))
        return True
