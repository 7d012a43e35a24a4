"""``database.…`` and ``diagnose.database``."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, configuration, honest, out, typed


@task(
    name="plan",
    help={
        "target": "as for deploy",
        "from": "as for deploy",
        "commit": "as for deploy",
        "json": "as one JSON document",
    },
)
def plan(c: Context, target: str = "", from_: str = "", commit: str = "", json: bool = False) -> None:
    """What the pending migrations would do, statement by statement, and whether a deploy would let them."""
    with honest():
        from pipeline.commands.database import plan_migrations
        from pipeline.session.session import Order

        stops = plan_migrations(configuration(), Order(target, from_, commit), ROOT, out, as_json=json)
    if stops:
        raise SystemExit(1)


@task(name="seed", help={"target": "a sandbox of your own app"})
def seed(c: Context, target: str = "") -> None:
    """Fill the database of your own app in the sandbox as `database.seed` in deploy.yml says."""
    with honest():
        from pipeline.commands.database import seed_database

        seed_database(configuration(), target, ROOT, out)


@task(
    name="resolve",
    help={"rolled-back": "folder name of the migration (default: the one that failed)", "target": "as for deploy"},
)
def resolve(c: Context, rolled_back: str = "", target: str = "") -> None:
    """Say of a failed migration that it was rolled back, as `prisma migrate resolve` does; the next run repeats it."""
    with honest():
        from pipeline.commands.database import mark_rolled_back

        mark_rolled_back(configuration(), target, rolled_back, ROOT, out)


@task(name="rehearse-restore", help={"target": "as for deploy", "json": "as one JSON document"})
def rehearse_restore(c: Context, target: str = "", json: bool = False) -> None:
    """Restore the newest backup beside production, count and compare, and delete it again. Says how long it took."""
    with honest():
        from pipeline.commands.database import rehearse_newest_backup

        good = rehearse_newest_backup(configuration(), target, ROOT, out, as_json=json)
    if not good:
        raise SystemExit(1)


@task(name="database", help={"target": "as for deploy", "json": "as one JSON document"})
def diagnose(c: Context, target: str = "", json: bool = False) -> None:
    """Ask the database every question of the troubleshooting guide, read-only; exit 1 when there is cause for worry."""
    with honest():
        from pipeline.commands.database import diagnose_database

        worries = diagnose_database(configuration(), target, ROOT, out, as_json=json)
    if worries:
        raise SystemExit(1)


@task(
    name="restore",
    help={
        "to": "id of a run that kept a restore point, or the name of one",
        "yes_restore": "name of the target, typed out: carry it out without asking",
        "target": "as for deploy",
    },
)
def restore(c: Context, to: str = "", yes_restore: str = "", target: str = "") -> None:
    """Put a restore point in the place of the database, after saying what that loses; keeps what is there now."""
    with honest():
        from pipeline.commands.restore import restore_database

        done = restore_database(configuration(), target, to, yes_restore, ROOT, out, typed)
    if not done:
        raise SystemExit(1)
