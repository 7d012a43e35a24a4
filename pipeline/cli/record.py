"""``history``, ``report``, ``lock``, ``unlock``: what is written down, and who may deploy."""

from invoke.context import Context
from invoke.tasks import task

from pipeline.cli.terminal import ROOT, as_json, configuration, honest, out


@task(help={"limit": "how many", "json": "as one JSON document"})
def history(c: Context, limit: int = 20, json: bool = False) -> None:
    """The latest runs and how they ended."""
    with honest():
        from pipeline.record.journal import plain
        from pipeline.record.place import place_of
        from pipeline.render.status import history_text
        from pipeline.session.runs import past_runs

        config = configuration()
        reports = past_runs(config, ROOT, limit)
        out(as_json(plain(reports)) if json else history_text(reports, str(place_of(config.file.state, ROOT))))


@task(help={"run": "its id, or `latest`", "json": "as one JSON document"})
def report(c: Context, run: str, json: bool = False) -> None:
    """One run, whole: every step, every answer, what moved."""
    with honest():
        from pipeline.record.journal import plain
        from pipeline.render.report import report_text
        from pipeline.session.runs import one_run

        found = one_run(configuration(), ROOT, run)
        out(as_json(plain(found)) if json else report_text(found))


@task(
    help={"reason": "why nobody may deploy now", "hours": "for how long", "target": "as for deploy", "by": "your name"}
)
def lock(c: Context, reason: str, hours: float = 8, target: str = "", by: str = "") -> None:
    """Keep everybody from deploying; a lock that a person took is never broken by a run."""
    with honest():
        from pipeline.session.runs import lock_by_hand

        out(lock_by_hand(configuration(), ROOT, target, reason, hours, by))


@task(help={"target": "as for deploy", "even-alive": "also of a run that is under way, which then takes it again"})
def unlock(c: Context, target: str = "", even_alive: bool = False) -> None:
    """Take away the lock of a target, whoever holds it; says whose it was. A run that is under way keeps it."""
    with honest():
        from pipeline.session.runs import release_lock as take_away

        out(take_away(configuration(), ROOT, target, even_alive=even_alive))
